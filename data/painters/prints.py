"""Line and ink on paper: woodblock, engraving and ink wash."""

import numpy as np
from PIL import Image

from . import kit
from .kit import Array

Generator = np.random.Generator


def woodblock_waves(rng: Generator) -> Image.Image:
    """Rows of leaning waves cut as stepped bands of blue, foam claws, a red sun and wood grain."""
    w, h = 768, 704
    y, x = kit.grid(w, h)
    block = kit.Mask(w, h)
    block.disc(560, 168, 92, 8)
    _clouds(rng, block)
    rows = [
        (330, 60, 250, 40),
        (395, 96, 330, 190),
        (470, 150, 400, 20),
        (545, 120, 300, 150),
        (628, 128, 372, 330),
        (716, 104, 290, 80),
    ]
    for i, row in enumerate(rows):
        _wave(rng, block, *row, fine=i < 2)
    # Cut edges are never quite straight: read the block through a slightly shaken lens.
    shaken = 0.9 * kit.noise(rng, w, h, 7)
    index = kit.sample(np.asarray(block.image).astype(int), y + shaken, x + shaken)
    tints = kit.rgb(
        "efe2c2",
        "16244d",
        "27457f",
        "4a78a8",
        "8fb4bf",
        "c9d6c6",
        "f6eedb",
        "0d1530",
        "cf4a2e",
        "dccba2",
    )
    colour = tints[index]
    bokashi = kit.smoothstep(190, 0, y + 26 * kit.noise(rng, w, h, 120))
    sky = (index == 0) | (index == 9)
    colour = kit.mix(colour, kit.rgb("3f6f94"), 0.75 * bokashi * sky)
    glow = kit.smoothstep(130, 320, y + 0 * x) * sky
    colour = kit.mix(colour, kit.rgb("e2a07c"), 0.6 * glow)
    knots = kit.fbm(rng, w, h, (420, 60), 3) * 9 + y / 21
    grain = np.sin(2 * np.pi * knots) * 0.6 + kit.fbm(rng, w, h, (110, 3.2), 3)
    fibre = kit.smoothstep(0.15, 0.6, kit.noise(rng, w, h, (46, 2.2)) + 0.5 * grain)
    mottle = kit.fbm(rng, w, h, 10, 3)
    paper = kit.rgb("f3e8cd") * (1 + 0.035 * kit.noise(rng, w, h, 2))[..., None]
    colour = colour * (1 - (0.05 + 0.13 * sky) * fibre)[..., None]
    printed = (index != 6) * 0.19 + 0.05 + 0.16 * sky
    bare = np.clip(printed * (0.75 + 0.95 * grain + 0.7 * mottle), 0, 0.62)
    return kit.finish(kit.mix(colour, paper, bare) * (1 + 0.04 * mottle)[..., None])


def _clouds(rng: Generator, block: kit.Mask) -> None:
    """Long flat clouds with round ends, and a few birds."""
    for _ in range(15):
        cx, cy, long = rng.uniform(0, 768), rng.uniform(30, 300), rng.uniform(60, 190)
        lefts = cx + rng.uniform(-50, 50, 3)
        # All outlines first, then all fillings: the three strips join into one cloud.
        for size, tone in ((12, 3), (9, 9)):
            for k, left in enumerate(lefts):
                ends = np.array([[left, cy + 9 * k], [left + long, cy + 9 * k]])
                block.line(ends, size, tone)
                block.disc(*ends[0], size / 2, tone)
                block.disc(*ends[1], size / 2, tone)
    for k in range(7):
        bx, by, s = 150 + 33 * k + 12 * np.sin(k * 2.0), 120 + 15 * np.cos(k * 1.7), 8 - 0.5 * k
        wing = np.array([[-2, -0.6], [-1, -1.1], [0, 0], [1, -1.2], [2.1, -0.5]]) * s + (bx, by)
        block.line(wing, 2.4, 1)


def _wave(
    rng: Generator,
    block: kit.Mask,
    base: float,
    tall: float,
    pitch: float,
    shift: float,
    fine: bool,
) -> None:
    """One row of waves: nested leaning humps from the crest inwards, then foam on the crests."""
    t = np.arange(-1.5 * pitch, 768 + 1.5 * pitch, 3.0)
    hump = (0.5 + 0.5 * np.cos(2 * np.pi * (t - shift) / pitch)) ** 1.6
    tones = (6, 1, 3, 1, 4, 1, 2, 5, 2, 1, 3, 1, 2, 4, 2, 1, 3, 1)
    for k, tone in enumerate(tones[: 12 if fine else 18]):
        inner = 1 - k / (12 if fine else 18)
        lean = 0.34 * pitch * (hump * inner) ** 2.2
        drop = (5.5 if fine else 8.0) * k
        px, py = t + lean, base - tall * hump * inner**0.7 + drop + 3 * np.sin(t / 23)
        if k == 0:
            outline = np.stack([px, py], axis=-1)
            block.polygon(_closed(px, py - 2.5), 7)
        block.polygon(_closed(px, py), tone)
        if k % 2 == 0:
            block.line(np.stack([px, py], axis=-1), 1.4, 7)
    crest = np.flatnonzero(hump > 0.2)
    for j in crest[:: 2 if fine else 1]:
        fx, fy = outline[j]
        size = (1.6 if fine else 2.6) + (3.2 if fine else 6.5) * hump[j] * rng.uniform(0.3, 1)
        fx, fy = fx + rng.normal(0, 3 + 5 * hump[j]), fy + rng.normal(2, 2 + 5 * hump[j])
        block.disc(fx, fy, size + 1.3, 7)
        block.disc(fx, fy, size, 6)
        if size > 5:
            block.disc(fx + 1.2, fy + 1.6, size * 0.55, 5)
            block.disc(fx + 0.4, fy + 0.4, size * 0.45, 6)
        if rng.uniform() < 0.6 * hump[j]:
            block.disc(fx + rng.normal(10, 16), fy - abs(rng.normal(8, 16)), rng.uniform(1, 2.6), 6)


def _closed(px: Array, py: Array) -> Array:
    """Close a crest line along the bottom of the sheet."""
    body = np.stack([px, py], axis=-1)
    return np.concatenate([body, [[px[-1], 900], [px[0], 900]]])


def pen_engraving(rng: Generator) -> Image.Image:
    """Ammonites in engraved line: hatching runs round each form and thickens in the shade."""
    w, h = 704, 768
    y, x = kit.grid(w, h)
    swell = kit.fbm(rng, w, h, 200, 3)
    flow = y + 26 * np.sin(x / 92 + 2 * swell) + 46 * swell
    dark = 0.34 + 0.4 * kit.fbm(rng, w, h, (150, 70), 3) + 0.25 * (y / h - 0.5)
    lines = [flow / 6.2, (0.8 * x + 0.6 * y + 30 * swell) / 6.6, (0.7 * x - 0.7 * y) / 7 + swell]
    shells = [
        (352, 370, 285, 0.4, 1),
        (120, 660, 122, 2.0, -1),
        (585, 655, 128, 4.2, 1),
        (590, 98, 120, 1.0, -1),
        (104, 112, 108, 3.0, 1),
    ]
    for cx, cy, size, turn, hand in shells:
        dx, dy = (x - cx) * hand, y - cy
        far = np.hypot(dx, dy) + 1e-6
        theta = np.arctan2(dy, dx) + turn
        shade = kit.smoothstep(1.2, 0.85, np.hypot(x - cx - 0.09 * size, dy - 0.12 * size) / size)
        dark = np.maximum(dark, 0.8 * shade)
        inside, tone, around, across = _ammonite(far, theta, size)
        dark = np.where(inside, tone, dark)
        lines = [
            np.where(inside, a, b)
            for a, b in zip((around, across, around * 0.5 + across), lines, strict=True)
        ]
    dark = np.maximum(dark, 0.15)
    wobble = 0.1 * kit.noise(rng, w, h, 16)
    ink = np.zeros(dark.shape)
    for phase, start, full in zip(lines, (0.04, 0.42, 0.7), (0.66, 0.98, 1.2), strict=True):
        phase = phase + wobble
        down, right = np.gradient(phase)
        pace = np.clip(np.hypot(down, right) * kit.SCALE, 0.02, 0.6)
        thick = 0.5 * np.clip((dark - start) / (full - start), 0, 0.68)
        gap = np.abs(phase - np.round(np.round(phase, 7)))
        line = kit.smoothstep(0.45, -0.45, (gap - thick) / pace) * (thick > 0.02)
        ink = np.maximum(ink, line)
    ink = ink * np.clip(0.98 + 0.14 * kit.noise(rng, w, h, 2.5), 0, 1)
    paper = _paper(rng, w, h, "efe3c8")
    return kit.finish(kit.mix(paper, kit.rgb("1d1712"), ink))


def _ammonite(far: Array, theta: Array, size: float) -> tuple[Array, Array, Array, Array]:
    """Spiral shell: where it is, its darkness, and line phases around and across the tube."""
    growth = 0.42  # share of the radius that one turn inwards takes away
    turns = np.log(far / size) / -np.log(growth) - theta / (2 * np.pi)
    whorl = np.floor(np.round(turns, 7))
    f = turns - whorl
    outer = np.mod(theta, 2 * np.pi) / (2 * np.pi)
    inside = far < size * growth**outer
    wound = theta + 2 * np.pi * whorl
    ribs = np.cos(26 * theta + 2.4 * (f - 0.5) ** 2 * 4 + 0.8 * whorl)
    bulge = np.clip(1 - (2 * f - 1) ** 2, 0, 1)
    height = np.sqrt(bulge) * far * 0.42 + 0.02 * far * ribs * bulge
    light = kit.relief(height, 0.9, -2.3)
    tone = 0.36 - 0.42 * light + 0.22 * ribs * bulge + 0.75 * kit.smoothstep(0.16, 0.0, f)
    tone = tone + 0.5 * kit.smoothstep(0.88, 1.0, f) + 0.2 * kit.smoothstep(40, 8, far)
    # Hatching keeps its pitch: the number of lines doubles when the shell is twice as wide.
    octave = np.clip(np.round(np.log2(far / 48)), -2, 3)
    around = (wound * 52 * 2.0**octave) / (2 * np.pi) + 3 * (f - 0.5) ** 2 * 2.0**octave
    across = f * np.clip(np.round(far * 0.58 / 6.5), 3, 40)
    return inside, np.clip(tone, 0.12, 1), around, across


def _paper(rng: Generator, w: int, h: int, tint: str) -> Array:
    """Handmade paper: cloudy, gritty, with fibres pressed into it."""
    fibres = kit.Mask(w, h)
    for _ in range(900):
        start, heading = rng.uniform(0, 1, 2) * (w, h), rng.uniform(0, 2 * np.pi)
        bends = heading + np.cumsum(rng.normal(0, 0.35, 7))
        path = start + np.cumsum(np.stack([np.cos(bends), np.sin(bends)], axis=-1) * 5, axis=0)
        fibres.line(path, 0.6, int(rng.integers(70, 255)))
    tone = 0.05 * kit.fbm(rng, w, h, 120, 5, 0.6) + 0.035 * kit.noise(rng, w, h, 1.6)
    tone = tone + 0.03 * kit.noise(rng, w, h, 5) - 0.08 * fibres.array()
    return kit.rgb(tint) * (1 + tone)[..., None]


def ink_wash(rng: Generator) -> Image.Image:
    """Mountains in mist: wet ink that granulates and settles, dry texture strokes, a red seal."""
    w, h = 640, 768
    y, x = kit.grid(w, h)
    paper = _paper(rng, w, h, "e9dfca")
    grit = kit.fbm(rng, w, h, 5, 3, 0.7)
    cloud = kit.fbm(rng, w, h, (190, 70), 5)
    # The sky is laid with a wide wet brush: long soft bands, darker to the top.
    bands = kit.fbm(rng, w, h, (240, 16), 4, 0.6)
    wash = 0.17 + 0.16 * cloud + 0.14 * bands + 0.16 * kit.smoothstep(260, 0, y)
    moon = np.hypot(x - 170, y - 130)
    wash = wash * kit.smoothstep(46, 50, moon) + 0.16 * np.exp(-(((moon - 50) / 16) ** 2))
    rock = kit.fbm(rng, w, h, (20, 110), 4, 0.68)
    for i in range(6):
        peaks = 1 - np.abs(kit.noise(rng, w, 1, 200 - 14 * i)[:1])
        crags = kit.fbm(rng, w, 1, (64, 64), 5, 0.55)[:1]
        ridge = 330 + 78 * i - (200 - 8 * i) * peaks**2 - 36 * crags
        ridge = ridge + (1 - i / 6) * 40 * np.sin(x / 140 + 1.9 * i)
        edge = y + 2.2 * kit.noise(rng, w, h, 9) - ridge
        inside = kit.smoothstep(-1.2, 1.4, edge)
        depth = np.maximum(edge, 0)
        fog = np.exp(-depth / (60 + 8 * i)) * (0.8 + 0.6 * cloud)
        # Strokes of a half-dry brush run down from the ridge and only catch the paper's bumps.
        rib = kit.sample(rock, y * 1.0 + 90 * i + 0 * x, x + 0.8 * depth * np.sin(x / 75 + 2 * i))
        dry = kit.smoothstep(0.02, 0.4, rib + 0.3 * grit) * np.exp(-depth / (120 + 18 * i))
        strength = 0.3 + 0.12 * i
        tone = strength * (0.62 * fog + 1.05 * dry + 0.6 * np.exp(-depth / 4))
        wash = wash * (1 - inside) + inside * (tone + 0.1 * np.clip(1 - depth / 220, 0, 1))
    wash = wash * (1 + 0.65 * grit) + 0.06 * grit
    pines = _pines(rng, w, h)
    bleed = 0.35 * kit.blur(pines, 5) + 0.92 * np.clip(pines * (1.05 + 0.4 * grit), 0, 1)
    wash = np.clip(np.maximum(wash, bleed), 0, 0.97)
    ink = kit.ramp(wash, kit.rgb("6f7f8c", "4a5866", "1c232c", "0b0d12"))
    picture = kit.mix(paper, ink, wash)
    worn = np.clip(0.88 + 0.5 * grit, 0, 1)
    return kit.finish(kit.mix(picture, kit.rgb("b3261c"), _seal(rng, w, h) * worn))


def _pines(rng: Generator, w: int, h: int) -> Array:
    """Crooked pines on the near bank: trunks, bent branches and fans of needles."""
    brush = kit.Mask(w, h)
    along = np.linspace(0, w, 160)
    bumps = np.cumsum(rng.normal(0, 1.3, 160))
    crest = 702 - 26 * np.cos(along / 55 / 1.9) + bumps - np.linspace(0, bumps[-1], 160)
    brush.polygon(_closed(along, crest), 190)
    for _ in range(1500):  # grass along the crest and rough ground below it
        at = rng.uniform(0, w)
        root = np.array([at, np.interp(at, along, crest) + rng.exponential(26)])
        tip = root + rng.normal(0, 3.5, 2) - (0, rng.uniform(3, 11))
        brush.line(np.stack([root, tip]), 0.9, int(rng.integers(90, 255)))
    for root, tall in ((92, 330), (150, 210), (560, 270), (500, 150), (30, 180)):
        t = np.linspace(0, 1, 14)
        bend = np.cumsum(rng.normal(0, 9, 14))
        trunk = np.stack([root + bend, 712 - tall * t], axis=-1)
        for k in range(13):
            girth = 13 * (1 - 0.8 * t[k]) * tall / 300 + 1.5
            brush.line(trunk[k : k + 2], girth, 235)
            brush.disc(*trunk[k], girth / 2, 235)
        for k in range(4, 14):
            side = 1 if k % 2 else -1
            reach = tall * 0.36 * (1.15 - t[k]) * rng.uniform(0.6, 1.2)
            s = np.linspace(0, 1, 8)
            limb = trunk[k] + np.stack([side * reach * s, -16 * np.sin(3 * s) + 12 * s], axis=-1)
            brush.line(limb, 2.6, 235)
            for spot in limb[2:]:
                for _ in range(26):
                    a, r = rng.uniform(-np.pi, 0.12), rng.uniform(8, 17)
                    base = spot + rng.normal(0, (7, 2.6))
                    tip = base + r * np.array([np.cos(a), 0.7 * np.sin(a)])
                    brush.line(np.stack([base, tip]), 0.8, int(rng.integers(120, 255)))
    return brush.array()


def _seal(rng: Generator, w: int, h: int) -> Array:
    """A carved square seal; its strokes are abstract and spell nothing."""
    seal = kit.Mask(w, h)
    left, top, side = 566, 48, 46
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * side + (left, top)
    seal.polygon(frame)
    for row in range(5):
        cut = top + 6 + 8.5 * row
        seal.line(np.array([[left + 6, cut], [left + rng.uniform(18, 40), cut]]), 2.4, 0)
        post = left + rng.uniform(8, 38)
        seal.line(np.array([[post, cut], [post, min(cut + 9, top + 41)]]), 2.4, 0)
    return seal.array()
