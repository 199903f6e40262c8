"""Glass, stone, wax and gold: pictures built from panes, tiles and repeated ornaments."""

import numpy as np
from PIL import Image

from . import kit
from .kit import Array


def stained_glass(rng: np.random.Generator) -> Image.Image:
    """A leaded window of sun, hills, river and flowers; each pane glows and has its own streaks."""
    w, h = 640, 768
    region, palette = _window(rng, w, h)
    panes, _, _ = kit.cells(kit.scatter(rng, w, h, 52, 40), w, h)
    free = region < 100  # larger shapes are cut into panes, flowers and rays are panes already
    label = region * 1000 + np.where(free, panes, 0)
    _, pane = np.unique(label, return_inverse=True)
    pane = pane.reshape(label.shape)
    count = int(pane.max()) + 1
    y, x = kit.grid(w, h)
    base = palette[region] * (1 + rng.normal(0, 0.2, count)[pane])[..., None]
    base = base + (rng.normal(0, 0.05, (count, 3)))[pane]
    slope = rng.uniform(-1, 1, (2, count)) * 0.005
    middle = [
        np.bincount(pane.ravel(), (v + 0 * label).ravel()) / np.bincount(pane.ravel())
        for v in (x, y)
    ]
    tilt = slope[0][pane] * (x - middle[0][pane]) + slope[1][pane] * (y - middle[1][pane])
    streaks = [kit.fbm(rng, w, h, size, 4, 0.6) for size in ((90, 16), (16, 90), (34, 30))]
    streak = np.choose(pane % 3, streaks)
    ripple = kit.noise(rng, w, h, 5) + 0.7 * kit.noise(rng, w, h, 2.2)
    lines = kit.seams(pane)
    lead = kit.blur(lines, 2.1) * 10
    came = kit.smoothstep(0.55, 0.95, lead)
    halo = kit.smoothstep(0.9, 0.05, kit.blur(lines, 9) * 14)
    light = 0.74 + 0.3 * halo + tilt + 0.42 * streak + 0.085 * ripple
    glass = base * light[..., None] + (0.16 * np.maximum(streak, 0) ** 2 + 0.05 * halo)[..., None]
    glass = kit.lit(glass, kit.relief(ripple + 2 * streak, 0.8), 0.3, 0.7)
    bead = kit.relief(np.minimum(lead, 3.2) + 0.06 * ripple, 1.4)
    metal = kit.lit(np.zeros(glass.shape) + kit.rgb("2b2c30"), bead, 0.8, 0.75)
    picture = kit.mix(glass, metal, came)
    # Bright panes spill some light over the lead beside them.
    return kit.finish(picture + 0.16 * kit.blur(np.clip(glass, 0, 1) ** 2, 7))


def _window(rng: np.random.Generator, w: int, h: int) -> tuple[Array, Array]:
    """The drawing for the window: region numbers and the glass colour of each region."""
    y, x = kit.grid(w, h)
    colours = np.zeros((350, 3))
    far, turn = np.hypot(x - 400, y - 215), np.arctan2(y - 215, x - 400) / (2 * np.pi) + 0.5
    rays = np.floor(np.round(turn * 22, 6)).astype(int) % 22
    ring = np.digitize(far, [150, 235, 330])
    region = 100 + rays + 22 * ring
    sky = kit.rgb("ffb52e", "f3842a", "3f9fd8", "1c4fa8")
    for k in range(4):
        colours[100 + 22 * k : 122 + 22 * k] = sky[k]
        colours[100 + 22 * k : 122 + 22 * k : 2] = sky[k] * 0.74 + 0.04 * k
    region = np.where(far < 92, 1, region)
    region = np.where(far < 58, 2, region)
    colours[1:3] = kit.rgb("ffd84a", "fff0a8")
    hills = kit.rgb("5a3f9a", "2a6f8f", "2f9a6a", "7fbf3a", "1f7a4a", "0f5a4a")
    for i, colour in enumerate(hills):
        ridge = 352 + 60 * i + (44 - 4 * i) * np.sin(x / (88 + 9 * i) + 1.7 * i)
        region = np.where(y > ridge, 10 + i, region)
        colours[10 + i] = colour
    bend = 300 + 90 * np.sin((y - 380) / 74) + 0.12 * (y - 380)
    river = (np.abs(x - bend) < 7 + (y - 400) * 0.13) & (y > 420)
    region, colours[20] = np.where(river, 20, region), kit.rgb("38b6d8")
    blooms = ((120, 600, 84), (505, 640, 94), (335, 690, 70), (66, 440, 54), (575, 470, 56))
    for i, (cx, cy, r) in enumerate(blooms):
        far, turn = np.hypot(x - cx, y - cy) / r, np.arctan2(y - cy, x - cx) + 0.4 * i
        petal = np.floor(np.round((turn / (2 * np.pi) + 1) * 6, 6)).astype(int) % 6
        shape = far < 0.62 + 0.38 * np.abs(np.sin(3 * turn))
        first = 200 + 8 * i
        region = np.where(shape, first + petal, region)
        region = np.where(far < 0.26, first + 7, region)
        colours[first : first + 6] = kit.rgb("d81f3f", "e85a9a", "f0f0e0", "c83a8a", "ff6a2a")[i]
        colours[first + 7] = kit.rgb("ffcf3a")
    edge = np.minimum(np.minimum(x, w - x), np.minimum(y, h - y))
    number = 130 + np.where(
        np.minimum(x, w - x) < np.minimum(y, h - y),
        y // 38 + 24 * (x > 300),
        48 + x // 38 + 24 * (y > 300),
    ).astype(int)
    region = np.where(edge < 30, 120 + number, region)
    colours[250:350] = np.resize(kit.rgb("b01f3a", "2f5fc0", "e0a83a"), (100, 3))
    return region, colours


def byzantine_mosaic(rng: np.random.Generator) -> Image.Image:
    """Gold and lapis tesserae laid in rings around roundels; each stone is tipped differently."""
    w = h = 720
    size = 8.6
    y, x = kit.grid(w, h)
    yy = y + 1.6 * kit.noise(rng, w, h, 22) + 0 * x
    xx = x + 1.6 * kit.noise(rng, w, h, 22) + 0 * y
    cx = cy = 360.0
    patches = [(cx, cy, 900.0), (cx, cy, 138.0)]
    patches += [
        (cx + 226 * np.cos(a), cy + 226 * np.sin(a), 70.0)
        for a in np.arange(8) * np.pi / 4 + np.pi / 8
    ]
    patches += [(px, py, 84.0) for px in (64, 656) for py in (64, 656)]
    patch, radius = np.zeros(xx.shape, int), np.hypot(xx - cx, yy - cy)
    turn = np.arctan2(yy - cy, xx - cx)
    for i, (px, py, reach) in enumerate(patches[1:], 1):
        far = np.hypot(xx - px, yy - py)
        inside = far < reach
        patch, radius = np.where(inside, i, patch), np.where(inside, far, radius)
        turn = np.where(inside, np.arctan2(yy - py, xx - px), turn)
    row = np.floor(np.round(radius / size, 6)).astype(int)
    count = np.maximum(1, np.round(2 * np.pi * (row + 0.5) / 1.12)).astype(int)
    shift = rng.uniform(0, 1, (len(patches), 120))[patch, row]
    step = np.round((turn / (2 * np.pi) + 0.5) * count + shift, 6)
    k = np.floor(step).astype(int)
    # The stone takes one colour: that of the cartoon under its middle.
    mid_turn = ((k + 0.5 - shift) / count - 0.5) * 2 * np.pi
    spots = np.array(patches)[patch]
    mid = (row + 0.5) * size
    mid_x, mid_y = spots[..., 0] + mid * np.cos(mid_turn), spots[..., 1] + mid * np.sin(mid_turn)
    colour, gold = _cartoon(patch, mid, mid_turn, mid_x, mid_y)
    stone = (patch * 9176 + row * 523 + (k % count) * 37) % 4093
    fu, fv = radius / size - row - 0.5, step - k - 0.5
    length = 2 * np.pi * radius / count
    chip = 0.5 * kit.noise(rng, w, h, 3.5)
    edge = np.minimum((0.5 - np.abs(fu)) * size, (0.5 - np.abs(fv)) * length) + chip
    tone, tip_u, tip_v = rng.normal(0, 1, (3, 4093))
    shine = tone[stone] * 0.14 + 0.28 * (tip_u[stone] * fu + tip_v[stone] * fv)
    colour = colour * (1 + shine + 0.08 * kit.fbm(rng, w, h, 9, 3))[..., None]
    glint = kit.smoothstep(0.9, 2.1, tone[stone] + tip_u[stone] * fu) * gold
    colour = kit.mix(colour, kit.rgb("fff3b0"), 0.75 * glint)
    colour = colour * (0.86 + 0.2 * kit.smoothstep(0, 1, 1 - radius / 900))[..., None]
    face = kit.smoothstep(0.45, 1.1, edge)
    mortar = kit.rgb("6f665a") * (0.8 + 0.25 * kit.noise(rng, w, h, 2))[..., None]
    height = 1.6 * kit.smoothstep(0.2, 2.0, edge) + 0.25 * kit.noise(rng, w, h, 3)
    return kit.finish(kit.lit(kit.mix(mortar, colour, face), kit.relief(height, 0.9), 0.5, 0.4))


def _cartoon(
    patch: Array, r: Array, turn: Array, mid_x: Array, mid_y: Array
) -> tuple[Array, Array]:
    """Colours of the mosaic by place, and where they are gold."""
    ground = kit.rgb("d9a531", "c48a1e", "e8c04a", "b77a1a")
    wave = np.digitize(np.sin(turn * 16 + r / 20), [-0.6, 0.0, 0.7])
    colour, gold = ground[wave], np.ones(patch.shape)
    star = np.cos(8 * turn)

    def put(where: Array, code: str) -> None:
        colour[where], gold[where] = kit.rgb(code), code[0] in "de"

    base = patch == 0
    put(base & (np.abs(r - 316) < 13), "8f1d2a")
    put(base & (np.abs(r - 316) < 5), "f4ead0")
    put(base & (r > 330) & (np.sin(mid_x / 13) * np.sin(mid_y / 13) > 0.55), "1c6b58")
    put(base & (r < 158), "8f1d2a")
    put(base & (r < 146), "f4ead0")
    edge = np.minimum(np.minimum(mid_x, 720 - mid_x), np.minimum(mid_y, 720 - mid_y))
    put(base & (edge < 26), "16306e")
    put(base & (edge < 12), "8f1d2a")
    heart = patch == 1
    put(heart, "142a66")
    put(heart & (np.sin(r / 5.4) * np.cos(turn * 11 + r / 16) > 0.72), "e6c04a")
    put(heart & (r < 104 * (0.62 + 0.38 * star)), "e2b23a")
    put(heart & (r < 84 * (0.6 + 0.4 * star)), "f4ead0")
    put(heart & (r < 70 * (0.62 + 0.38 * np.cos(8 * turn + np.pi))), "2c7fa8")
    put(heart & (r < 36), "b3242f")
    put(heart & (r < 18), "e8c04a")
    petals = [("1d4f9e", "f4ead0", "c0392b"), ("1c6b58", "e8c04a", "7a1f5c")]
    for i in range(2, 14):
        mine, (field, ring, bud) = patch == i, petals[i % 2]
        big = 84 if i > 9 else 70
        put(mine, "f4ead0")
        put(mine & (r < big - 9), "8f1d2a" if i % 2 else "16306e")
        put(mine & (r < big - 18), field)
        put(mine & (r < (big - 20) * (0.6 + 0.4 * np.cos(5 * turn + i))), ring)
        put(mine & (r < (big - 34) * (0.6 + 0.4 * np.cos(5 * turn + i))), bud)
        put(mine & (r < 13), "e8c04a")
    return colour, gold


def batik_kawung(rng: np.random.Generator) -> Image.Image:
    """Wax-resist cloth: petals and bands drawn in wax, dyed brown and indigo, veined by cracks."""
    w = h = 704
    y, x = kit.grid(w, h)
    yy = y + 2.5 * kit.noise(rng, w, h, 40)
    xx = x + 2.5 * kit.noise(rng, w, h, 40)
    dye = _kawung(xx, yy)
    band = np.minimum(np.abs(yy - 136), np.abs(yy - 568))
    dye = np.where(band < 62, _parang(xx, np.where(yy < 352, yy - 136, yy - 568)), dye)
    dye = np.where((band > 56) & (band < 68), 3, dye)
    dots = np.hypot((xx % 12) - 6, band - 62)
    dye = np.where(dots < 3.4, 0, dye)
    soft = [kit.blur((dye == k).astype(float), 0.6) for k in range(4)]
    tints = kit.rgb("f1e3c2", "c98a3c", "7a3a1c", "16244f")
    colour = sum(s[..., None] * t for s, t in zip(soft, tints, strict=True))
    pool = kit.fbm(rng, w, h, 90, 5, 0.62)
    colour = colour * (1 + 0.3 * pool * (0.35 + 0.65 * (1 - soft[0])))[..., None]
    veins = np.zeros(colour.shape[:2])
    for cell in (190, 150, 120, 90, 60):
        field = kit.fbm(rng, w, h, cell, 4, 0.55)
        down, right = np.gradient(field)
        # Dividing by the slope turns "close to zero" into a line of even width.
        line = np.abs(field) / (np.hypot(down, right) * kit.SCALE + 2e-3)
        patchy = kit.smoothstep(-0.5, 0.35, kit.noise(rng, w, h, 120))
        veins = np.maximum(veins, kit.smoothstep(1.5, 0.5, line) * patchy)
    soaked = 0.25 + 0.75 * soft[0] + 0.3 * soft[1]  # dye creeps in where the wax broke
    colour = kit.mix(colour, kit.rgb("1d2a58"), 0.8 * veins * soaked)
    colour = kit.mix(colour, kit.rgb("a9794a"), 0.4 * veins * soft[3])
    threads = kit.weave(w, h, 2.4) + 0.5 * kit.noise(rng, w, h, (14, 2)) * kit.noise(rng, w, h, 30)
    colour = colour * (0.93 + 0.13 * threads + 0.05 * kit.noise(rng, w, h, 3))[..., None]
    return kit.finish(kit.lit(colour, kit.relief(threads, 0.4), 0.25, 0.1))


def _kawung(x: Array, y: Array) -> Array:
    """Dye number (0 wax, 1 ochre, 2 brown, 3 indigo) of the four-petal lattice."""
    pitch = 117.0
    a = (x / pitch) % 1 - 0.5
    b = ((y + 25) / pitch) % 1 - 0.5
    p, q = np.abs(a), np.abs(b)
    along, side = (p + q) / 1.4142 - 0.36, (p - q) / 1.4142
    petal = np.hypot(along / 0.27, side / (0.135 + 0.06 * along))
    dye = np.where(np.sin(x * 0.62) * np.sin(y * 0.62) > 0.62, 0, 3)
    dye = np.where(petal < 1.12, 3, dye)
    dye = np.where(petal < 1, 0, dye)
    dye = np.where(petal < 0.84, 2, dye)
    dye = np.where(petal < 0.66, 1, dye)
    dye = np.where((petal < 0.66) & (np.sin(petal * 38) > 0.35), 0, dye)
    dye = np.where((np.abs(side) < 0.014) & (np.abs(along) < 0.2), 3, dye)
    for da, db in ((0.0, 0.0), (0.5, 0.5), (0.5, 0.0), (0.0, 0.5)):
        u, v = np.abs(a) - da, np.abs(b) - db
        far, turn = np.hypot(u, v), np.arctan2(v, u)
        size = 0.15 if da == db == 0 else 0.1
        bloom = far / (size * (0.72 + 0.28 * np.cos(8 * turn)))
        dye = np.where(bloom < 1.25, 3, dye)
        dye = np.where(bloom < 1, 0, dye)
        dye = np.where(bloom < 0.62, 2 if da else 1, dye)
        dye = np.where(far < 0.2 * size, 0, dye)
    return dye


def _parang(x: Array, y: Array) -> Array:
    """Dye number of a border of slanting knife-shaped waves with small diamonds between."""
    slant = (x + 0.75 * y) / 46
    wave = slant + 0.2 * np.sin(y / 9.5)
    part = wave % 1
    dye = np.where(part < 0.5, 0, 2)
    dye = np.where(np.abs(part - 0.25) < 0.13, 1, dye)
    dye = np.where((np.abs(part - 0.25) < 0.13) & (np.sin(y / 2.4) > 0.3), 2, dye)
    dye = np.where(np.minimum(np.abs(part - 0.5), np.minimum(part, 1 - part)) < 0.05, 3, dye)
    diamond = np.abs(part - 0.75) * 46 + np.abs((y + 6) % 15 - 7.5)
    dye = np.where(diamond < 6.4, 0, dye)
    return np.where(diamond < 3.2, 3, dye)


def golden_ornament(rng: np.random.Generator) -> Image.Image:
    """Robes of pattern on gold leaf: spirals, eyes, tiles, triangles and flowers, all embossed."""
    w, h = 672, 768
    y, x = kit.grid(w, h)
    # Wavy bands stand side by side; each is filled by one of the ornament functions below, which
    # return their ink, its opacity and the height of the embossing.
    flow = x + 74 * np.sin(y / 150 + 0.6) + 34 * kit.noise(rng, w, h, 170) + 0.12 * y
    band = np.floor(np.round(flow / 96 + 0.3, 6)).astype(int)
    order = np.array([0, 3, 1, 4, 0, 2, 5, 1, 3])
    kind = order[band % len(order)]
    leaf = kit.fbm(rng, w, h, 46, 5, 0.62)
    gold = kit.ramp(0.5 + 0.5 * leaf, kit.rgb("7c5312", "c8962a", "e5bd4c", "fae79a"))
    colour, height = gold.copy(), 0.5 * leaf
    drift = x - 40 * np.sin(y / 150 + 0.6)
    chance = rng.uniform(0, 1, 997)
    for k, draw in enumerate((_spirals, _tiles, _eyes, _triangles, _flowers, _scales)):
        ink, cover, bump = draw(drift, y, chance)
        here = kind == k
        colour = np.where(here[..., None], kit.mix(colour, ink, cover), colour)
        height = np.where(here, height + bump, height)
    seam = kit.blur(kit.seams(band), 2.4) * 10
    colour = kit.mix(colour, kit.rgb("3a1f14"), kit.smoothstep(0.5, 1.2, seam) * 0.9)
    thread = kit.smoothstep(1.5, 2.2, seam)
    colour = kit.mix(colour, kit.rgb("f6d978"), thread)
    height = height + 1.5 * thread + 0.35 * kit.noise(rng, w, h, 3)
    colour = colour * (1 + 0.16 * kit.fbm(rng, w, h, 14, 3))[..., None]
    fleck = kit.smoothstep(0.95, 1.25, kit.noise(rng, w, h, 2.6))
    colour = kit.mix(colour, kit.rgb("fff2b4"), 0.7 * fleck)
    return kit.finish(kit.lit(colour, kit.relief(kit.blur(height, 0.6), 1.5), 0.55, 0.6))


def _lattice(x: Array, y: Array, pitch: float, chance: Array) -> tuple[Array, ...]:
    """Local (u, v) in bricks of side `pitch`, and three random numbers that belong to the brick."""
    row = np.floor(np.round(y / pitch, 6)).astype(int) + 0 * x.astype(int)
    shifted = x / pitch + 0.5 * (row % 2)
    column = np.floor(np.round(shifted, 6)).astype(int)
    u, v = (shifted - column - 0.5) * pitch, (y / pitch - row - 0.5) * pitch
    draws = [chance[(row * a + column * b) % 997] for a, b in ((131, 71), (57, 313), (211, 17))]
    return (u, v, *draws)


def _spirals(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Embossed coils that turn either way, on a dotted ground."""
    u, v, turn, hand, _ = _lattice(x, y, 62, chance)
    far = np.hypot(u, v)
    spin = np.where(hand < 0.5, 1, -1) * np.arctan2(v, u) / (2 * np.pi)
    line = np.cos(2 * np.pi * (far / 10.5 + spin + turn))
    coil = kit.smoothstep(-0.15, 0.25, line) * kit.smoothstep(31, 29, far)
    eye = kit.smoothstep(6, 5, far)
    ink = kit.mix(np.zeros((*far.shape, 3)) + kit.rgb("4a2410"), kit.rgb("f4f0e0"), eye)
    ground = kit.smoothstep(29, 31, far) * (np.sin(x * 0.9) * np.sin(y * 0.9) > 0.3)
    return ink, np.maximum(np.maximum(coil * 0.9, eye), 0.5 * ground), 1.6 * coil + eye


def _tiles(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Small upright rectangles in black, white, silver and rust."""
    u, v, a, b, c = _lattice(x, y, 17, chance)
    half_u, half_v = 3.5 + 4.5 * a, 3.5 + 4.5 * b
    cover = kit.smoothstep(0.5, -0.5, np.maximum(np.abs(u) - half_u, np.abs(v) - half_v))
    palette = kit.rgb("15130f", "15130f", "f3eddb", "f3eddb", "8a8f95", "9c2f1c")
    ink = palette[np.minimum((c * 6).astype(int), 5)]
    return ink, cover, 1.2 * cover


def _eyes(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Ringed ovals of enamel."""
    u, v, a, b, _ = _lattice(x, y, 40, chance)
    far = np.hypot(u, v * (1 + 0.5 * (b > 0.5)))
    ring = (far / (3.2 + 1.2 * a)).astype(int)
    sets = kit.rgb("14305e", "f3eddb", "2a7f8f", "e0b23a", "7a1f2c", "3a8a5a")
    ink = sets[(ring + (b * 6).astype(int)) % 6]
    cover = kit.smoothstep(18.5, 17.5, far) * 0.92
    return ink, cover, cover * (1 + 0.5 * (ring % 2))


def _triangles(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Triangles that point up or down, some of them ruled."""
    u, v, a, _, c = _lattice(x, y, 26, chance)
    up = np.where(a < 0.5, v, -v)
    inside = 0.5 * (12 - up) * 0.8 - np.abs(u) * 1.0
    cover = kit.smoothstep(0, 1, inside) * (np.abs(v) < 12)
    ink = kit.rgb("1a4a6a", "c0451f", "f3eddb", "2f6b46", "241c18")[(c * 5).astype(int)]
    return ink, cover * (0.75 + 0.25 * (np.sin(up * 1.6) > 0)), cover


def _flowers(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Star-shaped flowers on a dotted green meadow."""
    u, v, a, b, c = _lattice(x, y, 34, chance)
    far, turn = np.hypot(u, v), np.arctan2(v, u) + 6 * a
    petals = 5 + (b * 3).astype(int)
    bloom = far / (15.5 * (0.74 + 0.26 * np.cos(petals * turn)))
    ink = kit.rgb("d8483a", "7b4fa8", "f0a03a", "f3eddb", "3f7fc0")[(c * 5).astype(int)]
    ink = kit.mix(ink, kit.rgb("2a1a3a"), 0.7 * kit.smoothstep(0.6, 0.4, bloom))
    ink = kit.mix(ink, kit.rgb("ffe27a"), kit.smoothstep(0.32, 0.24, bloom))
    cover = kit.smoothstep(1.04, 0.94, bloom)
    leaf = kit.rgb("2f5a34") + 0 * ink
    ground = 0.75 * (np.sin(x * 0.55 + np.sin(y / 7)) * np.sin(y * 0.5) > 0.1)
    return kit.mix(leaf, ink, cover), np.maximum(cover, ground), 1.3 * cover


def _scales(x: Array, y: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Overlapping fans of fine arcs."""
    u, v, a, _, c = _lattice(x, y, 24, chance)
    far = np.hypot(u, v + 14)
    arcs = np.cos(far * 1.15)
    tone = 0.5 + 0.5 * np.sign(arcs) * (0.6 + 0.4 * a)
    ink = kit.ramp(tone, kit.rgb("101c34", "1f6a7a", "d8b85a"))
    cover = 0.92 * kit.smoothstep(-0.2, 0.2, arcs + 0.5)
    return ink, cover, 0.9 * cover
