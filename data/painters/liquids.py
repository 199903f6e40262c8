"""Liquid colour: marbling, watercolour and thrown paint."""

import numpy as np
from PIL import Image

from . import kit
from .kit import Array

Generator = np.random.Generator


def marbled_paper(rng: Generator) -> Image.Image:
    """Colours dropped on a bath, drawn through with combs, and lifted off on a sheet of paper."""
    w = h = 704
    y, x = kit.grid(w, h)
    px, py = x + 0 * y, y + 0 * x
    # Undo the combing, last stroke first, to find where on the bath each spot came from.
    for cx, cy, reach, turn in ((200, 200, 125, 2.6), (520, 320, 140, -2.8), (260, 550, 130, 2.7)):
        far = np.hypot(px - cx, py - cy)
        spin = turn * np.exp(-((far / reach) ** 2))
        c, s = np.cos(spin), np.sin(spin)
        px, py = cx + c * (px - cx) - s * (py - cy), cy + s * (px - cx) + c * (py - cy)
    py = py - 30 * np.sin(px / 61)
    px = px - 16 * _tines(py, 32.0, 5.0)
    py = py - 66 * (_tines(px, 88.0, 14.0) - _tines(px + 44, 88.0, 14.0))
    px = px - 70 * (_tines(py, 210.0, 36.0) - _tines(py + 105, 210.0, 36.0))
    py, px = np.abs(py) % (2 * h), np.abs(px) % (2 * w)
    py, px = np.minimum(py, 2 * h - py), np.minimum(px, 2 * w - px)
    drops = rng.uniform(0, 1, (210, 2)) * (w, h)
    owner, near, second = kit.cells(drops, w, h)
    ring = np.floor(np.round((second - near) / 9.5, 6)).astype(int)
    inks = kit.rgb("7d1420", "123a5c", "efe3c4", "d99a2b", "1f7a78", "f4ecd8", "c4452a", "0e1c33")
    first = rng.integers(0, len(inks), len(drops))
    bath = inks[(first[owner] + np.minimum(ring, 3) * (1 + owner % 2)) % len(inks)]
    bath = kit.mix(bath, kit.rgb("e3c26a"), kit.smoothstep(1.5, 0.7, second - near))
    colour = kit.sample(bath, py, px)
    mottle = kit.fbm(rng, w, h, 26, 4)
    specks = kit.smoothstep(0.75, 1.0, kit.noise(rng, w, h, 4.6) + 0.3 * mottle)
    colour = kit.mix(colour, kit.rgb("f1e8d2"), 0.25 * specks)
    grain = kit.noise(rng, w, h, 1.8) + 0.7 * kit.noise(rng, w, h, 4)
    return kit.finish(colour * (1 + 0.09 * mottle + 0.05 * grain)[..., None])


def _tines(across: Array, pitch: float, width: float) -> Array:
    """Pull of a comb on the paint: 1 at each tooth, dying away beside it."""
    off = np.abs((across / pitch) % 1 - 0.5) * pitch
    return 1 / (1 + (off / width) ** 2)


def watercolour_blooms(rng: Generator) -> Image.Image:
    """Loose flowers in transparent washes with dark rims, back-runs and granulating pigment."""
    w, h = 704, 768
    y, x = kit.grid(w, h)
    tooth = kit.fbm(rng, w, h, 6, 3, 0.7)
    sheet = np.ones((y.size, x.size, 3)) * kit.rgb("fbf6ea")
    wander = [kit.fbm(rng, w, h, cell, 5, 0.55) for cell in (130, 60)]
    pigments = kit.rgb("a9cf9a", "f5c3a8", "8fc4dc", "f6dd8a", "b9b0e0")
    for i in range(26):
        _wash(
            rng,
            sheet,
            wander,
            tooth,
            rng.uniform(0, 1, 2) * (w, h),
            rng.uniform(80, 210),
            pigments[i % 5],
            (1, 0.0),
        )
    greens = kit.rgb("3f7f4a", "6fa046", "2a6a6a", "8fae4a")
    for _ in range(46):
        _wash(
            rng,
            sheet,
            wander,
            tooth,
            rng.uniform(0, 1, 2) * (w, h),
            rng.uniform(48, 96),
            greens[rng.integers(4)],
            (2, 0.74),
        )
    flowers = [
        (230, 220, 120),
        (500, 320, 135),
        (250, 520, 125),
        (560, 610, 110),
        (560, 90, 84),
        (70, 380, 76),
        (80, 690, 88),
        (390, 700, 70),
        (70, 80, 72),
        (390, 90, 60),
    ]
    hues = kit.rgb("d8324f", "e8672f", "b03a9a", "5a4fc0", "e84a7a", "f09a2a")
    for i, (cx, cy, size) in enumerate(flowers):
        _wash(
            rng,
            sheet,
            wander,
            tooth,
            np.array([cx, cy], float),
            size * 1.04,
            kit.rgb("fbf6ea"),
            (1, 0.0),
            lift=0.85,
        )
        for share, petals in ((1.0, 5), (0.86, 6), (0.64, 5), (0.42, 4)):
            hue = hues[(i + (share < 0.6)) % 6]
            _wash(
                rng,
                sheet,
                wander,
                tooth,
                np.array([cx, cy]) + rng.normal(0, 5, 2),
                size * share,
                hue,
                (petals, 0.2),
            )
        _wash(
            rng,
            sheet,
            wander,
            tooth,
            np.array([cx, cy], float),
            size * 0.17,
            kit.rgb("2a1a3a"),
            (7, 0.3),
        )
    drops = kit.Mask(w, h)
    for _ in range(420):
        drops.disc(*(rng.uniform(0, 1, 2) * (w, h)), 0.6 + rng.exponential(1.5), 150)
    hue = kit.ramp(0.5 + 0.5 * wander[0], kit.rgb("3a4fa0", "c03060", "2a7a5a"))
    sheet = sheet * (1 - drops.array()[..., None] * 0.6 * (1 - hue))
    sheet *= (1 - 0.05 * tooth)[..., None]
    return kit.finish(kit.lit(sheet, kit.relief(tooth, 1.1), 0.22, 0.1))


def _wash(
    rng: Generator,
    sheet: Array,
    wander: list[Array],
    tooth: Array,
    centre: Array,
    size: float,
    colour: Array,
    petals: tuple[int, float],
    lift: float = 0.0,
) -> None:
    """Lay one transparent wash on the sheet, in place; `petals` is (number, depth of the lobes).

    With `lift` the pigment is sponged off instead, towards the given colour.
    """
    y, x = kit.grid(sheet.shape[1] // kit.SCALE, sheet.shape[0] // kit.SCALE)
    rows = np.flatnonzero(np.abs(y[:, 0] - centre[1]) < 1.45 * size)
    columns = np.flatnonzero(np.abs(x[0] - centre[0]) < 1.45 * size)
    if not rows.size or not columns.size:
        return
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    dy, dx = y[box[0]] - centre[1], x[:, box[1]] - centre[0]
    turn = np.arctan2(dy, dx) + rng.uniform(0, 2 * np.pi)
    # Each wash reads the same wandering fields turned or flipped, so no two rims agree.
    flip = int(rng.integers(0, 4))
    rim = [np.flip(f, axis=[(), 0, 1, (0, 1)][flip])[box] for f in wander]
    number, depth = petals
    lobes = 1 - depth * np.abs(np.sin(number * turn / 2)) ** (0.8 if number == 2 else 1.5)
    far = np.hypot(dx, dy) / size / lobes + 0.28 * rim[0] + 0.2 * rim[1]
    cover = kit.smoothstep(1.0, 1.0 - 2.4 / size, far)
    if lift:
        sheet[box] = kit.mix(sheet[box], colour, lift * kit.smoothstep(1.0, 0.8, far))
        return
    edge = np.exp(-np.maximum(1 - far, 0) * size / 3.2)
    backrun = np.exp(-((np.abs(far - 0.62 + 0.2 * rim[1]) * size / 3.4) ** 2))
    load = 0.36 + 0.4 * edge + 0.16 * backrun + 0.22 * tooth[box] + 0.4 * rim[1] - 0.2 * far
    absorb = np.clip(cover * load * 1.25, 0, 1)[..., None] * (1 - colour)
    sheet[box] = sheet[box] * (1 - np.round(absorb, 9))


def splatter(rng: Generator) -> Image.Image:
    """Paint thrown and dripped on raw canvas in many layers: loops, whips, beads and spray."""
    w = h = 768
    linen = kit.weave(w, h, 2.8)
    tone = kit.fbm(rng, w, h, 90, 4)
    colour = kit.rgb("c9b48c") * (0.8 + 0.16 * linen + 0.08 * tone)[..., None]
    # Thinned paint soaks into the raw canvas first and leaves blotched stains.
    for code in ("5f6f74", "a8672c", "2c2a2b"):
        stain = kit.fbm(rng, w, h, 110, 6, 0.62)
        rim = np.exp(-(((stain - 0.12) / 0.03) ** 2))
        soak = kit.smoothstep(0.08, 0.2, stain) * 0.55 + 0.25 * rim
        colour = kit.mix(colour, kit.rgb(code), soak * (0.7 + 0.3 * linen))
    height = 0.35 * linen
    layers = [
        ("8d8f92", 26, 8.0),
        ("d9932b", 22, 6.0),
        ("1a1917", 26, 6.0),
        ("1f6f7a", 22, 4.6),
        ("efe9da", 30, 4.6),
        ("b3261f", 18, 3.8),
        ("141312", 26, 3.4),
        ("f4d23a", 14, 2.8),
        ("f6f2e6", 26, 2.4),
        ("20407f", 12, 2.6),
    ]
    for code, throws, thick in layers:
        paint = kit.Mask(w, h)
        for _ in range(throws):
            _throw(rng, paint, thick)
        cover = paint.array()
        bead = kit.blur(cover, 1.6)
        film = kit.rgb(code) * (1 + 0.1 * tone)[..., None]
        shadow = np.roll(bead, (3, 3), axis=(0, 1))
        colour = colour * (1 - 0.35 * shadow * (1 - cover))[..., None]
        colour = kit.mix(colour, film, kit.smoothstep(0.2, 0.8, cover))
        height = height * (1 - 0.6 * cover) + 1.5 * bead
    height = height + 0.12 * kit.noise(rng, w, h, 3)
    return kit.finish(kit.lit(colour, kit.relief(height, 1.1), 0.5, 0.5))


def _throw(rng: Generator, paint: kit.Mask, thick: float) -> None:
    """One flick of the wrist: a looping line that thins with speed and sheds drops on its way."""
    at, pace = rng.uniform(-40, 808, 2), rng.uniform(6, 13)
    heading, curl = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06)
    steps = int(rng.integers(50, 130))
    width = thick * rng.uniform(0.5, 1.5)
    for _ in range(steps):
        curl = 0.93 * curl + rng.normal(0, 0.03)
        heading += curl
        ahead = at + pace * np.array([np.cos(heading), np.sin(heading)])
        width = np.clip(width + rng.normal(0, 0.35), 0.35 * thick, 2.2 * thick)
        paint.line(np.stack([at, ahead]), width)
        paint.disc(*ahead, width / 2)
        if rng.uniform() < 0.4:
            aside = ahead + rng.normal(0, 18, 2)
            paint.disc(*aside, 0.5 + min(rng.exponential(0.34 * thick), 9))
        at = ahead
