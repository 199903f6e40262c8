"""Shared studio tools: noise, colour, light, cells and the last step from floats to a picture.

All lengths are in pixels of the finished picture.  The painters work on a canvas that is SCALE
times finer, and `finish` shrinks it at the end, which is what makes every edge smooth.  Arithmetic
stays in float64: another processor may differ in the last bit, and in double precision such a
difference is far too small to move an 8-bit pixel.
"""

import numpy as np
from PIL import Image, ImageDraw

SCALE = 2

Array = np.ndarray


def grid(width: int, height: int) -> tuple[Array, Array]:
    """Pixel-centre coordinates as an open grid: y is a column, x is a row."""
    y = (np.arange(height * SCALE) + 0.5) / SCALE
    x = (np.arange(width * SCALE) + 0.5) / SCALE
    return y[:, None], x[None, :]


def _spline(lattice: Array, at: Array) -> Array:
    """Cubic B-spline along the first axis of `lattice`, read at the positions `at`."""
    cell = np.floor(at).astype(int)
    t = (at - cell).reshape(-1, *[1] * (lattice.ndim - 1))
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * t * (1 + t - t * t) + 1, t**3]
    weights = [w / 6 for w in weights]
    total = weights[0] * lattice[cell]
    for k in (1, 2, 3):
        total += weights[k] * lattice[cell + k]
    return total


def noise(
    rng: np.random.Generator, width: int, height: int, cell: float | tuple[float, float]
) -> Array:
    """Smooth random field, roughly -1..1; `cell` is its grain in pixels, or (across, down)."""
    cell_x, cell_y = cell if isinstance(cell, tuple) else (cell, cell)
    y, x = grid(width, height)
    rows, columns = y.ravel() / cell_y, x.ravel() / cell_x
    lattice = rng.uniform(-1.7, 1.7, (int(rows[-1]) + 4, int(columns[-1]) + 4))
    wide = np.ascontiguousarray(_spline(lattice.T, columns).T)
    return _spline(wide, rows)


def fbm(
    rng: np.random.Generator,
    width: int,
    height: int,
    cell: float | tuple[float, float],
    octaves: int = 4,
    gain: float = 0.5,
) -> Array:
    """Fractal noise: octaves of `noise`, each twice as fine and `gain` times as strong."""
    total, weight = 0.0, 1.0
    for octave in range(octaves):
        size = tuple(c / 2**octave for c in cell) if isinstance(cell, tuple) else cell / 2**octave
        total = total + weight * noise(rng, width, height, size)
        weight *= gain
    return total * (1 - gain) / (1 - gain**octaves)


def sample(field: Array, y: Array, x: Array) -> Array:
    """Read a canvas-sized field at arbitrary positions (nearest canvas pixel, edges repeated)."""
    # The small odd offset keeps exact whole numbers, whose floor could differ, out of the way.
    row = np.clip(np.floor(y * SCALE + 0.00000321).astype(int), 0, field.shape[0] - 1)
    column = np.clip(np.floor(x * SCALE + 0.00000321).astype(int), 0, field.shape[1] - 1)
    return field[row, column]


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, a soft S between (low > high turns it round)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blur(field: Array, radius: float, passes: int = 2) -> Array:
    """Box blur by running sums over the first two axes; two passes look like a tent filter."""
    r = max(1, round(radius * SCALE))
    for _ in range(passes):
        for axis in (0, 1):
            pad = [(0, 0)] * field.ndim
            pad[axis] = (r + 1, r)
            total = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis)
            n = field.shape[axis]
            upper = np.take(total, range(2 * r + 1, 2 * r + 1 + n), axis=axis)
            field = (upper - np.take(total, range(n), axis=axis)) / (2 * r + 1)
    return field


def rgb(*codes: str) -> Array:
    """Hex colours ('1b2a49') as floats 0..1: one colour, or one row per code."""
    table = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in codes]) / 255
    return table[0] if len(codes) == 1 else table


def ramp(t: Array, colours: Array, stops: list[float] | None = None) -> Array:
    """Colour gradient: `t` (0..1) read along the rows of `colours`."""
    at = np.linspace(0, 1, len(colours)) if stops is None else np.array(stops)
    shade = np.empty((*np.shape(t), 3))
    for c in range(3):
        shade[..., c] = np.interp(t, at, colours[:, c])
    return shade


def mix(below: Array, above: Array, amount: Array) -> Array:
    """Lay the colour(s) `above` over `below` with an opacity map."""
    # In place after the first step: a canvas is large, and fresh memory costs more than the sums.
    change = np.subtract(above, below)
    if change.ndim < 3:
        change = change * np.asarray(amount)[..., None]
    else:
        change *= np.asarray(amount)[..., None]
    change += below
    return change


def relief(height: Array, strength: float, toward: float = -2.2) -> Array:
    """Light a height map from one side: about -1 in shadow, 0 on the flat, +1 facing the lamp."""
    down, right = np.gradient(height)
    slope = -(np.cos(toward) * right + np.sin(toward) * down) * strength * SCALE
    return slope / np.sqrt(1 + slope * slope)


def lit(colour: Array, light: Array, shade: float = 0.5, shine: float = 0.35) -> Array:
    """Apply `relief` to colours: shadows multiply, highlights are added like wet paint."""
    picture = colour * (1 + shade * np.minimum(light, 0.4))[..., None]
    picture += (shine * np.maximum(light - 0.25, 0) ** 2)[..., None]
    return picture


def weave(width: int, height: int, pitch: float = 3.2) -> Array:
    """Plain canvas weave as a height map, 0..1: threads pass over and under each other."""
    y, x = grid(width, height)
    across, down = np.pi * x / pitch, np.pi * y / pitch
    over = np.sin(across) * np.sin(down) > 0
    return np.where(over, np.abs(np.sin(across)), np.abs(np.sin(down)))


def cells(points: Array, width: int, height: int) -> tuple[Array, Array, Array]:
    """Voronoi cells of (x, y) points: nearest point, its distance, distance of the runner-up."""
    y, x = grid(width, height)
    shape = (y.size, x.size)
    owner, first, second = np.zeros(shape, int), np.zeros(shape), np.zeros(shape)
    side = 48
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            block = np.s_[top : top + side, left : left + side]
            yy, xx = y[block[0]][None], x[:, block[1]][None]
            reach = np.hypot(points[:, 0] - xx.mean(), points[:, 1] - yy.mean())
            # Only points that can win, or come second, somewhere in this block are compared.
            near = np.flatnonzero(reach <= np.partition(reach, 1)[1] + side / SCALE * 1.42)
            dx = xx - points[near, 0][:, None, None]
            dy = yy - points[near, 1][:, None, None]
            far = np.round(np.hypot(dx, dy), 9)
            best = np.argmin(far, axis=0)[None]
            owner[block], first[block] = near[best[0]], np.min(far, axis=0)
            np.put_along_axis(far, best, np.inf, axis=0)
            second[block] = np.min(far, axis=0)
    return owner, first, second


def seams(labels: Array) -> Array:
    """1 where a canvas pixel has another label than its right or lower neighbour."""
    edge = np.zeros(labels.shape)
    edge[:, :-1] = labels[:, 1:] != labels[:, :-1]
    edge[:-1] = np.maximum(edge[:-1], labels[1:] != labels[:-1])
    return edge


def scatter(
    rng: np.random.Generator, width: int, height: int, spacing: float, margin: float = 0
) -> Array:
    """Points on a shaken hexagonal lattice: even coverage without a visible grid."""
    ys = np.arange(-margin, height + margin + spacing, spacing * 0.87)
    xs = np.arange(-margin, width + margin + spacing, spacing)
    px = xs[None, :] + (np.arange(len(ys)) % 2)[:, None] * spacing / 2
    points = np.stack([px, np.broadcast_to(ys[:, None], px.shape)], axis=-1).reshape(-1, 2)
    return points + rng.uniform(-0.35, 0.35, points.shape) * spacing


def put(canvas: Array, colour: Array, where: Array) -> None:
    """Paint a colour, or another picture, over part of a canvas, in place and without blending."""
    np.copyto(canvas, colour, where=where[..., None])


class Mask:
    """A drawing surface for antialiased shapes; coordinates are picture pixels."""

    def __init__(self, width: int, height: int):
        self.image = Image.new("L", (width * SCALE, height * SCALE), 0)
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Array, value: int = 255) -> None:
        """Fill a polygon given as rows of (x, y)."""
        self.draw.polygon([tuple(p) for p in np.round(points * SCALE).astype(int)], fill=value)

    def line(self, points: Array, width: float, value: int = 255) -> None:
        """Draw a round-jointed line through rows of (x, y)."""
        path = [tuple(p) for p in np.round(points * SCALE).astype(int)]
        self.draw.line(path, fill=value, width=max(1, round(width * SCALE)), joint="curve")

    def disc(self, x: float, y: float, radius: float, value: int = 255) -> None:
        """Fill a circle."""
        corners = np.round(np.array([x - radius, y - radius, x + radius, y + radius]) * SCALE)
        self.draw.ellipse([int(c) for c in corners], fill=value)

    def array(self) -> Array:
        """The surface as floats 0..1."""
        return np.asarray(self.image, dtype=np.float64) / 255


def finish(colour: Array) -> Image.Image:
    """Round the canvas to 8 bits and shrink it to the finished picture."""
    pixels = np.clip(np.round(np.round(colour * 255, 5)), 0, 255).astype(np.uint8)
    size = (pixels.shape[1] // SCALE, pixels.shape[0] // SCALE)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
