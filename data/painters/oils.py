"""Oil paint: pictures made of visible brush strokes."""

import numpy as np
from PIL import Image

from . import kit
from .kit import Array
from .strokes import Strokes, jitter, places


def _swirl(y: Array, x: Array, eddies: list[tuple[float, ...]], drift: Array) -> Array:
    """Direction of a stream with whirls: each eddy is (x, y, radius, signed strength)."""
    vx, vy = 1.0 + 0 * x * y, drift
    for ex, ey, radius, strength in eddies:
        dx, dy = x - ex, y - ey
        pull = np.exp(-(dx * dx + dy * dy) / radius**2)
        turn = 4 * strength * pull / radius
        # The stream itself is held back inside a whirl, so that the whirl stays centred.
        vx, vy = vx * (1 - pull) - turn * dy, vy * (1 - pull) + turn * dx
    return np.round(np.arctan2(vy, vx), 6)


def _oil(
    rng: np.random.Generator, under: Array, angle: Array, coats: list[tuple], hue: float = 0.05
) -> tuple[Array, Array]:
    """Paint `under` in coats of (count, length, width, where) strokes, largest first."""
    height, width = (n // kit.SCALE for n in angle.shape)
    strokes = Strokes(rng, width, height)
    for count, length, breadth, where in coats:
        if where is None:
            start = kit.scatter(rng, width, height, (width * height / count / 0.87) ** 0.5, 12)
            start = rng.permutation(start)
        else:
            start = places(rng, where, count)
        colour = jitter(rng, kit.sample(under, start[:, 1], start[:, 0]), 0.11, hue)
        strokes.lay(start, colour, angle, length, breadth)
    return strokes.surface(under, 0.16)


def _detail(under: Array) -> Array:
    """Where the motif has edges: small strokes go there, so that shapes stay readable."""
    grey = kit.blur(under.mean(axis=-1), 2)
    down, right = np.gradient(grey)
    return np.clip(kit.blur(np.hypot(down, right), 4) * 55, 0.04, 1)


def impasto_night(rng: np.random.Generator) -> Image.Image:
    """A night over a lake: thick bent strokes follow whirls of wind around moon and stars."""
    w = h = 768
    y, x = kit.grid(w, h)
    stars = [
        (560, 150, 74),
        (130, 120, 34),
        (330, 70, 26),
        (250, 265, 30),
        (700, 330, 26),
        (60, 330, 20),
        (425, 345, 18),
        (706, 52, 20),
    ]
    eddies = [(sx, sy, r * 2.3, 1.6 * (-1) ** i) for i, (sx, sy, r) in enumerate(stars)]
    eddies += [(395, 190, 120, -2.2), (160, 400, 90, 1.5), (600, 410, 80, -1.4)]
    sky_angle = _swirl(y, x, eddies, 0.5 * kit.noise(rng, w, h, 150))
    tone = kit.fbm(rng, w, h, (130, 60), 3) + 0.55 * np.sin(3 * sky_angle + x / 160)
    blues = kit.rgb("0b1640", "14307a", "1f56b0", "3f8fcf", "9cc9d8")
    under = kit.ramp(0.36 + 0.36 * tone + 0.12 * (y / h - 0.3), blues)
    for sx, sy, r in stars:
        far = np.hypot(x - sx, y - sy) / r
        under = kit.mix(under, kit.rgb("f2c230"), 0.9 * np.exp(-((far / 1.25) ** 2)))
        under = kit.mix(under, kit.rgb("4fb3a9"), 0.6 * np.exp(-(((far - 1.75) / 0.45) ** 2)))
        under = kit.mix(under, kit.rgb("fff6cf"), kit.smoothstep(0.75, 0.4, far))
    shore = 500 + 5 * np.sin(x / 50)
    ripple = 0.5 * np.sin(y / 7 + 2.5 * kit.noise(rng, w, h, (90, 24))) + 0.5 * tone
    lake = kit.ramp(0.4 + 0.3 * ripple, kit.rgb("0a1238", "17408a", "2f78b8", "58b0b4"))
    path = np.exp(-(((x - 560) / (26 + (y - 480) * 0.22)) ** 2)) * (0.55 + 0.45 * ripple)
    lake = kit.mix(lake, kit.rgb("f6cf52"), np.clip(1.2 * path, 0, 1))
    under = kit.mix(under, lake, kit.smoothstep(-2, 2, y - shore))
    ridge = 455 + 60 * kit.noise(rng, w, 1, 120)[:1] + 16 * kit.noise(rng, w, 1, 30)[:1]
    hills = (y > ridge) & (y < shore)
    slope = kit.ramp(
        0.5 + 0.5 * kit.noise(rng, w, h, (26, 40)), kit.rgb("101a3c", "2b3f86", "2c6a74")
    )
    kit.put(under, slope, hills)
    bank = 668 - 46 * np.sin(x / 190 + 0.6) + 18 * kit.noise(rng, w, 1, 60)[:1]
    grass = kit.ramp(
        0.5 + 0.6 * kit.fbm(rng, w, h, 40, 3), kit.rgb("0a1a24", "1d4d3a", "6b8a2c", "c9a227")
    )
    kit.put(under, grass, y > bank)
    angle = np.where(y > shore, 0.12 * np.sin(x / 60 + y / 20), sky_angle)
    angle = np.where(hills, 0.9 * np.sin(x / 70), angle)
    angle = np.where(y > bank, -1.35 + 0.5 * np.sin(x / 45), angle)
    edges = _detail(under)
    coats = [(1100, 88, 22, None), (2800, 60, 12, None), (5200, 38, 7, edges)]
    colour, paint = _oil(rng, under, angle, coats, 0.045)
    return kit.finish(kit.lit(colour, kit.relief(paint, 0.9), 0.5, 0.5))


def fauve_hills(rng: np.random.Generator) -> Image.Image:
    """Hot hills under a yellow sky: broad knife-like strokes, pure hues, violet contours."""
    w, h = 768, 640
    y, x = kit.grid(w, h)
    sun = np.hypot(x - 560, y - 120)
    glow = 0.55 + 0.25 * kit.fbm(rng, w, h, (120, 40), 3) - sun / 900
    under = kit.ramp(glow, kit.rgb("2aa6a4", "f28fae", "ffb23e", "ffe06a"))
    under = kit.mix(under, kit.rgb("fff3b8"), kit.smoothstep(62, 50, sun))
    under = kit.mix(under, kit.rgb("ff5a2c"), np.exp(-(((sun - 66) / 11) ** 2)))
    angle = np.arctan2(y - 120, x - 560) + np.pi / 2 + 0.3 * kit.noise(rng, w, h, 90)
    hills = [
        ("5a4fb0", "2f6fd0", "c46ad0"),
        ("1f9e8a", "6cc24a", "2b4fc4"),
        ("e0335a", "ff7a2a", "8a2a9a"),
        ("ffb51e", "ff5a1f", "e8e04a"),
        ("d0225a", "f0508a", "6a2aa8"),
        ("1a9a5a", "b8d432", "0a5a8a"),
        ("ff6a1a", "e01f3a", "ffc23a"),
    ]
    for i, palette in enumerate(hills):
        base = 215 + i * 62 + 24 * np.sin(x / (95 + 11 * i) + 2.1 * i)
        ridge = base + (58 - 5 * i) * kit.noise(rng, w, 1, 150)[:1]
        inside = y > ridge
        depth = np.clip((y - ridge) / 110, 0, 1)
        tone = 0.5 + 0.5 * kit.fbm(rng, w, h, (52, 30), 3) + 0.3 * np.sin(x / 34 + y / 60 + i)
        colour = kit.ramp(np.clip(tone, 0, 1), kit.rgb(*palette))
        colour = kit.mix(colour, kit.rgb("2a1458"), kit.smoothstep(9, 2, y - ridge) * 0.95)
        lean = np.arctan(np.gradient(ridge[0]) * kit.SCALE)[None, :]
        kit.put(under, colour, inside)
        angle = np.where(inside, lean * (1 - depth) + (0.9 - 0.3 * i) * depth, angle)
    under, angle = _grove(rng, under, angle, y, x)
    coats = [(1100, 54, 22, None), (3000, 34, 12, None), (7000, 21, 6.5, _detail(under))]
    colour, paint = _oil(rng, under, np.round(angle, 6), coats, 0.07)
    return kit.finish(kit.lit(colour, kit.relief(paint, 1.0), 0.5, 0.5))


def _grove(
    rng: np.random.Generator, under: Array, angle: Array, y: Array, x: Array
) -> tuple[Array, Array]:
    """Bent trees for the hills: red and cobalt trunks, crowns in leaf-sized patches of colour."""
    height, width = (n // kit.SCALE for n in under.shape[:2])
    patches = kit.fbm(rng, width, height, 26, 3)
    crowns = [
        ("0a6a5a", "2fb86a", "f0e03a"),
        ("c01f6a", "ff7aa0", "ffd23a"),
        ("1a3fa8", "2aa0d0", "8ae0a0"),
    ]
    # Each tree: foot x and y, height, half width of the crown as a share of the height.
    trees = [
        (118, 590, 300, 0.3),
        (226, 618, 190, 0.15),
        (668, 600, 270, 0.27),
        (560, 522, 150, 0.13),
        (420, 470, 96, 0.36),
        (752, 480, 170, 0.16),
        (318, 432, 84, 0.2),
        (18, 470, 130, 0.3),
        (486, 610, 96, 0.4),
    ]
    for i, (tx, ty, tall, wide) in enumerate(sorted(trees, key=lambda tree: tree[1])):
        up = (ty - y) / tall
        bend = tx + 0.1 * tall * np.sin(2.4 * up + i)
        trunk = (np.abs(x - bend) < (0.062 - 0.03 * up) * tall) & (up > 0) & (up < 0.8)
        kit.put(under, kit.rgb("3a1a9a" if i % 2 else "a8142a"), trunk)
        angle = np.where((np.abs(x - bend) < 0.12 * tall) & (up > 0) & (up < 0.8), 1.5, angle)
        side, rise = (x - bend) / wide / tall, (up - 0.66) / 0.4
        crown = np.hypot(side, rise) + 0.36 * patches
        leaf = kit.ramp(0.42 + 0.5 * patches + 0.3 * rise - 0.2 * side, kit.rgb(*crowns[i % 3]))
        leaf = kit.mix(leaf, kit.rgb("20104a"), kit.smoothstep(0.9, 0.98, crown))
        kit.put(under, leaf, crown < 1)
        # Leaves lick upwards like flames and spread to both sides.
        angle = np.where(crown < 1, -np.pi / 2 + 0.9 * side + 0.5 * patches, angle)
    return under, angle


def pointillist_river(rng: np.random.Generator) -> Image.Image:
    """A sunny river bank in small dots; each dot leans to a pure hue and the eye mixes them."""
    w, h = 768, 640
    y, x = kit.grid(w, h)
    tone = kit.fbm(rng, w, h, (70, 34), 3)
    under = kit.ramp(y / 230 + 0.12 * tone, kit.rgb("8fb8e6", "c3dcf0", "fbeccb", "fbd9b0"))
    leaves = kit.fbm(rng, w, h, 36, 4)
    woods = y > 205 - 62 * kit.noise(rng, w, 1, 85)[:1] - 20 * kit.noise(rng, w, 1, 26)[:1]
    far = kit.ramp(0.5 + 0.55 * leaves, kit.rgb("31508f", "3f8a72", "93bf5c", "e9d878"))
    kit.put(under, far, woods)
    # The river repeats what stands above its far shore, upside down, pulled and broken up.
    shore = 262
    wobble = 16 * np.sin(y / 5 + 3 * kit.noise(rng, w, h, (60, 16)))
    mirror = kit.sample(under, 2 * shore - y - 20 + 0 * x, x + wobble)
    glint = kit.smoothstep(0.25, 0.8, np.sin(y / 4.2) * 0.5 + kit.noise(rng, w, h, (46, 7)))
    river = kit.mix(kit.mix(mirror, kit.rgb("3c72bd"), 0.45), kit.rgb("fff1cf"), 0.75 * glint)
    kit.put(under, river, y > shore)
    for sx, sy, tall in ((250, 292, 92), (330, 280, 58), (600, 300, 112), (470, 274, 38)):
        up = (sy - y) / tall
        sail = (up > 0.08) & (up < 1) & (x > sx) & (x < sx + 0.5 * tall * (1 - up))
        hull = (np.abs(up) < 0.06) & (np.abs(x - sx - 0.1 * tall) < 0.36 * tall)
        image = (up < -0.1) & (up > -0.8) & (np.abs(x - sx - 0.15 * tall) < 0.15 * tall * (1 + up))
        kit.put(under, kit.rgb("fff4e2"), sail)
        kit.put(under, kit.rgb("7c2f4b"), hull)
        under = kit.mix(under, kit.rgb("fbe3d0"), 0.7 * image)
    bank = 452 - 0.16 * (x - 384) + 12 * kit.noise(rng, w, 1, 70)[:1]
    lawn = kit.ramp(0.62 + 0.4 * tone, kit.rgb("3f7d43", "86b545", "dfd86a", "f8e694"))
    bars = kit.fbm(rng, w, h, (160, 22), 3) + 0.25 * np.sin(y / 17 + x / 120)
    lawn = kit.mix(lawn, kit.rgb("2a4c86"), 0.85 * kit.smoothstep(0.05, 0.25, bars))
    kit.put(under, lawn, y > bank)
    for tx, foot, thick in ((108, 590, 17), (690, 520, 12)):
        lean, girth = 14 * np.sin(y / 130), thick * (0.7 + (y / foot) ** 4)
        trunk = (np.abs(x - tx - lean) < girth) & (y < foot)
        bark = kit.ramp(0.5 + (x - tx) / thick / 3, kit.rgb("e39a5a", "8c4a5c", "3a2f6e"))
        kit.put(under, bark, trunk)
        crown = np.hypot((x - tx) / 215, (y - 25) / 165) + 0.5 * leaves
        shade = kit.ramp(
            0.5 + 0.7 * kit.fbm(rng, w, h, 40, 3), kit.rgb("1f3a6e", "2a7552", "6ea83f", "e2d05a")
        )
        kit.put(under, shade, crown < 0.95)
    return kit.finish(_dots(rng, under))


def _dots(rng: np.random.Generator, under: Array) -> Array:
    """Cover a picture with round dabs whose hues scatter around the colour beneath them."""
    height, width = (n // kit.SCALE for n in under.shape[:2])
    hues = kit.rgb("e8432f", "f59a23", "f7d93b", "3fa34d", "2f7fd0", "5a3fa8", "d64f94", "fff2d8")
    strokes = Strokes(rng, width, height)
    angle = np.round(2 * kit.noise(rng, width, height, 60), 6)
    for spacing, size, purity in ((9.0, 12, 0.2), (6.6, 7.4, 0.34), (7.2, 5.6, 0.5)):
        start = rng.permutation(kit.scatter(rng, width, height, spacing, 6))
        base = kit.sample(under, start[:, 1], start[:, 0])
        # Hues near the base colour are likelier, but every dot has a chance to be its opposite.
        far = ((base[:, None] - hues[None]) ** 2).sum(axis=-1)
        pick = np.argmin(np.round(far - rng.uniform(0, 1.1, far.shape) ** 2, 9), axis=1)
        colour = base + purity * (hues[pick] - base)
        strokes.lay(start, jitter(rng, colour, 0.06, 0.03), angle, size, size)
    colour, paint = strokes.surface(kit.mix(under, kit.rgb("efe3cc"), 0.6), 0.06)
    return kit.lit(colour, kit.relief(paint, 0.55), 0.35, 0.3)


def cubist_shards(rng: np.random.Generator) -> Image.Image:
    """A still life broken into facets: planes fade from one edge, brush dabs and drawn lines."""
    w, h = 704, 768
    tone = kit.fbm(rng, w, h, 150, 3)
    under = kit.ramp(0.5 + 0.5 * tone, kit.rgb("5b5348", "8f8068", "b9a37c", "9aa3a0"))
    angle = np.round(0.5 * tone, 6)
    ink = np.zeros(tone.shape)
    palette = kit.rgb(
        "d9b679",
        "b5803c",
        "7a4b22",
        "e9dfc6",
        "8fa3ad",
        "4e6a80",
        "2b3a4a",
        "a79b86",
        "c9c2b0",
        "6f7f6a",
        "20201f",
        "c46a3a",
    )
    for i in range(190):
        spread = 0.34 if i < 60 else 0.2
        centre = np.clip(rng.normal(0.5, spread, 2), -0.05, 1.05) * (w, h)
        size = rng.uniform(70, 150) if i < 60 else rng.uniform(30, 100)
        _facet(rng, (under, angle, ink), centre, size, palette[rng.integers(len(palette))])
    under, ink = _still_life(under, ink)
    coats = [(3600, 24, 10, None), (6500, 17, 6.5, None)]
    colour, paint = _oil(rng, under, angle, coats, 0.02)
    # Shapes stay sharp: half of the drawing under the dabs comes through again.
    colour = kit.mix(colour, under, 0.4)
    crumb = 0.75 + 0.35 * kit.noise(rng, w, h, 2.2) + 0.3 * kit.noise(rng, w, h, 40)
    colour = kit.mix(colour, kit.rgb("17130f"), np.clip(ink * crumb, 0, 0.92))
    paint = paint + 0.5 * kit.weave(w, h)
    return kit.finish(kit.lit(colour, kit.relief(paint, 0.75), 0.45, 0.35))


def _facet(
    rng: np.random.Generator,
    layers: tuple[Array, Array, Array],
    centre: Array,
    size: float,
    colour: Array,
) -> None:
    """Lay one many-sided plane into (colour, brush angle, line) layers, in place."""
    under, angle, ink = layers
    y, x = kit.grid(under.shape[1] // kit.SCALE, under.shape[0] // kit.SCALE)
    rows = np.flatnonzero(np.abs(y[:, 0] - centre[1]) < 1.5 * size)
    columns = np.flatnonzero(np.abs(x[0] - centre[0]) < 1.5 * size)
    if not rows.size or not columns.size:
        return
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    dy, dx = y[box[0]] - centre[1], x[:, box[1]] - centre[0]
    sides = int(rng.integers(3, 6))
    turn = rng.choice([0.35, 1.25, 2.3]) + rng.normal(0, 0.12)
    facing = turn + np.cumsum(rng.uniform(0.7, 1.3, sides)) * 2 * np.pi / sides
    gaps = [size * rng.uniform(0.3, 0.95) - dx * np.cos(f) - dy * np.sin(f) for f in facing]
    inside = np.minimum.reduce(gaps)
    fade = np.clip(gaps[0] / (1.3 * size), 0, 1)
    cover = kit.smoothstep(-0.5, 0.5, inside) * (0.95 - 0.9 * fade)
    # Every third plane is ruled with fine lines, as if a hand had shaded it.
    if rng.uniform() < 0.35:
        pitch = rng.uniform(4.5, 8)
        cover = cover * (0.62 + 0.38 * np.sign(np.sin(gaps[1] * 2 * np.pi / pitch + 0.01)))
    under[box] = kit.mix(under[box], colour, np.round(cover, 9))
    angle[box] = np.where((inside > 0) & (fade < 0.5), np.round(facing[0] + 1.57, 6), angle[box])
    line = np.maximum(
        kit.smoothstep(1.3, 0.5, np.abs(gaps[0])), 0.6 * kit.smoothstep(0.9, 0.3, np.abs(gaps[1]))
    )
    ink[box] = np.maximum(ink[box] * (1 - 0.5 * cover), line * (inside > -0.9))


def _still_life(under: Array, ink: Array) -> tuple[Array, Array]:
    """Hints of a guitar, a bottle and a table: arcs, strings and a sound hole over the facets."""
    height, width = (n // kit.SCALE for n in ink.shape)
    marks, hole = kit.Mask(width, height), kit.Mask(width, height)
    t = np.linspace(0, 1, 60)
    for cx, cy, rx, ry, start, stop in (
        (330, 520, 150, 120, 0.6, 3.4),
        (345, 515, 132, 108, 3.8, 6.0),
        (390, 350, 104, 92, 2.4, 5.2),
        (402, 352, 88, 80, -1.2, 1.2),
        (520, 200, 40, 150, 1.6, 4.6),
        (540, 210, 36, 140, -1.5, 1.4),
        (160, 250, 70, 70, 2, 6.6),
    ):
        a = start + (stop - start) * t
        marks.line(np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a)], axis=-1), 2.4)
    for k in range(6):
        marks.line(np.array([[318 + 7 * k, 640], [395 + 5 * k, 150]]), 1.1, 210)
    for k in range(11):
        left, right, up = 384 + 1.7 * k, 428 + 0.8 * k, 302 - 13 * k
        marks.line(np.array([[left, up - 2], [right, up + 2]]), 1.2, 190)
    hole.disc(362, 440, 40)
    under = kit.mix(under, kit.rgb("1c1815"), 0.85 * hole.array())
    ring = kit.Mask(width, height)
    ring.disc(362, 440, 49)
    ring.disc(362, 440, 45, 0)
    return under, np.maximum(ink, np.maximum(marks.array(), 0.8 * ring.array()))


def de_stijl_grid(rng: np.random.Generator) -> Image.Image:
    """Rectangles in primary colours between black bars, brushed by hand and finely cracked."""
    w = h = 768
    y, x = kit.grid(w, h)
    under = np.zeros((y.size, x.size, 3)) + kit.rgb("e9e4d4")
    angle = np.zeros((y.size, x.size))
    bars = np.zeros((y.size, x.size), bool)
    inks = kit.rgb("c8201f", "e0301e", "f2c21a", "f6d443", "1d3f9c", "164fb5", "16161a", "8f9496")
    paper = kit.rgb("efe9da", "e6e2d6", "dfe0dc", "f3ead2", "d8d4c6")
    for left, top, right, bottom, depth in _rectangles(rng, 0, 0, w, h, 0):
        box = (slice(int(top) * 2, int(bottom) * 2), slice(int(left) * 2, int(right) * 2))
        vivid = rng.uniform() < (0.75 if (right - left) * (bottom - top) < 6000 else 0.36)
        shades = inks if vivid else paper
        under[box] = shades[rng.integers(len(shades))]
        angle[box] = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.05)
        half = max(2.6, 7.5 - 1.0 * depth)
        inside = (x[:, box[1]] - left > half) & (right - x[:, box[1]] > half)
        inside = inside & (y[box[0]] - top > half) & (bottom - y[box[0]] > half)
        bars[box] = ~inside
    under[bars] = kit.rgb("17171b")
    strokes = Strokes(rng, w, h)
    for spacing, length, width in ((17, 64, 15), (12, 44, 9)):
        start = rng.permutation(kit.scatter(rng, w, h, spacing, 8))
        tone = jitter(rng, np.full((len(start), 3), 0.5), 0.13, 0.012)
        strokes.lay(start, tone, np.round(angle, 6), length, width)
    # Strokes only carry a shade; the hue comes from the rectangle, so edges stay ruler-sharp.
    shade, paint = strokes.surface(np.full(under.shape, 0.5), 0.12)
    worn = 0.04 * kit.fbm(rng, w, h, 60, 4)[..., None]
    colour = under * (0.22 + 1.5 * shade) + 0.06 * (shade - 0.4) + worn
    _, near, next_near = kit.cells(kit.scatter(rng, w, h, 26, 30), w, h)
    gap = next_near - near + 0.9 * kit.noise(rng, w, h, 6)
    crack = kit.smoothstep(0.9, 0.2, gap) * kit.smoothstep(-0.25, 0.5, kit.noise(rng, w, h, 110))
    colour = kit.mix(colour, kit.rgb("4a4034"), 0.75 * crack)
    paint = paint + 0.55 * kit.weave(w, h) - 0.8 * crack
    return kit.finish(kit.lit(colour, kit.relief(paint, 0.8), 0.42, 0.32))


def _rectangles(
    rng: np.random.Generator, left: float, top: float, right: float, bottom: float, depth: int
) -> list[tuple[float, float, float, float, int]]:
    """Cut a rectangle again and again, at uneven places; stops early now and then."""
    wide, tall = right - left, bottom - top
    small = max(wide, tall) < 64 or min(wide, tall) < 30
    if small or (max(wide, tall) < 190 and rng.uniform() < 0.2):
        return [(left, top, right, bottom, depth)]
    share = round(rng.choice([0.28, 0.36, 0.5, 0.64, 0.72]) * max(wide, tall))
    if wide > tall:
        return [
            *_rectangles(rng, left, top, left + share, bottom, depth + 1),
            *_rectangles(rng, left + share, top, right, bottom, depth + 1),
        ]
    return [
        *_rectangles(rng, left, top, right, top + share, depth + 1),
        *_rectangles(rng, left, top + share, right, bottom, depth + 1),
    ]
