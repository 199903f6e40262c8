"""Brush strokes that bend along a direction field and keep the ridges of their bristles."""

import numpy as np

from .kit import SCALE, Array, sample

BRUSHES = 48  # different worn brushes: each has its own bristle pattern and ragged end
BRISTLES = 24  # bristle profile resolution across a brush


class Strokes:
    """A canvas that remembers, for each pixel, which stroke is on top and where inside it."""

    def __init__(self, rng: np.random.Generator, width: int, height: int):
        self.rng = rng
        self.size = (width, height)
        shape = (height * SCALE, width * SCALE)
        self.owner = np.full(shape, -1)
        self.along = np.zeros(shape)
        self.across = np.zeros(shape)
        self.colours = np.zeros((0, 3))
        bristle = rng.uniform(-1, 1, (BRUSHES, BRISTLES + 2))
        self.bristle = (bristle[:, :-2] + 2 * bristle[:, 1:-1] + bristle[:, 2:]) / 2.5
        self.reach = 1 - rng.uniform(0, 0.3, (BRUSHES, BRISTLES)) ** 1.5

    def _paths(self, start: Array, angle: Array, length: Array, steps: int) -> Array:
        """Follow the direction field both ways from each start; rows of points per stroke."""
        path = np.zeros((len(start), 2 * steps + 1, 2))
        path[:, steps] = start
        pace = (length / (2 * steps))[:, None]
        for sign in (1, -1):
            at = start.copy()
            for k in range(1, steps + 1):
                heading = sample(angle, at[:, 1], at[:, 0])
                at = at + sign * pace * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
                path[:, steps + sign * k] = at
        return np.round(path, 6)

    def lay(self, start: Array, colour: Array, angle: Array, length: float, width: float) -> None:
        """Paint one layer of strokes, in order; lengths and widths vary by a quarter or so."""
        n = len(start)
        first = len(self.colours)
        self.colours = np.concatenate([self.colours, colour])
        lengths = length * self.rng.uniform(0.65, 1.3, n)
        widths = width * self.rng.uniform(0.75, 1.25, n)
        paths = self._paths(start, angle, lengths, max(2, round(length / 5)))
        samples_u = int(length * 1.3 * SCALE * 1.2) + 2
        samples_v = int(width * 1.25 * SCALE * 1.2) + 2
        batch = max(1, 200_000 // (samples_u * samples_v))
        for i in range(0, n, batch):
            part = slice(i, min(i + batch, n))
            ids = np.arange(first + part.start, first + part.stop)
            self._stamp(ids, paths[part], widths[part], samples_u, samples_v)

    def _stamp(self, ids: Array, path: Array, widths: Array, nu: int, nv: int) -> None:
        """Sweep each brush along its path, densely enough to leave no gaps."""
        u = np.linspace(0, 1, nu)
        v = np.linspace(-1, 1, nv)
        at = u * (path.shape[1] - 1)
        k = np.minimum(at.astype(int), path.shape[1] - 2)
        centre = path[:, k] + (path[:, k + 1] - path[:, k]) * (at - k)[None, :, None]
        run = path[:, k + 1] - path[:, k]
        run = run / np.maximum(np.hypot(run[..., 0], run[..., 1]), 1e-9)[..., None]
        offset = v[None, None, :] * widths[:, None, None] / 2
        x = centre[..., 0][..., None] - run[..., 1][..., None] * offset
        y = centre[..., 1][..., None] + run[..., 0][..., None] * offset
        # The small odd offset keeps exact halves, whose rounding could differ, out of the way.
        column = np.floor(x * SCALE + 0.50000321).astype(int)
        row = np.floor(y * SCALE + 0.50000321).astype(int)
        # A rounded start, and an end where each bristle runs dry at its own length.
        bristle = np.minimum(((v + 1) / 2 * BRISTLES).astype(int), BRISTLES - 1)
        dry = self.reach[ids % BRUSHES][:, bristle][:, None, :]
        round_start = np.abs(v)[None, :] < np.minimum(1, 6 * u[:, None] + 0.35)
        keep = round_start[None] & (u[None, :, None] <= dry)
        keep &= (row >= 0) & (row < self.owner.shape[0])
        keep &= (column >= 0) & (column < self.owner.shape[1])
        # Where several strokes hit one pixel numpy keeps the last write: the stroke laid last.
        spot = (row * self.owner.shape[1] + column)[keep]
        inside = np.flatnonzero(keep)
        self.owner.reshape(-1)[spot] = ids[inside // (nu * nv)]
        self.along.reshape(-1)[spot] = u[inside // nv % nu]
        self.across.reshape(-1)[spot] = v[inside % nv]

    def surface(self, under: Array, streak: float = 0.1) -> tuple[Array, Array]:
        """Colour and paint height of the canvas; bare spots show the underpainting."""
        bare = self.owner < 0
        ids = np.maximum(self.owner, 0)
        line = np.clip((self.across + 1) / 2 * BRISTLES - 0.5, 0, BRISTLES - 1.001)
        k = line.astype(int)
        brush = ids % BRUSHES
        ridge = self.bristle[brush, k] * (1 - line + k) + self.bristle[brush, k + 1] * (line - k)
        colour = self.colours[ids] * (1 + streak * ridge)[..., None]
        # Paint is pushed to the sides and to the end of a stroke, where it stands highest.
        rim = np.abs(self.across) ** 3 + 0.8 * self.along**4
        lift = ((ids * 37) % 64) / 64
        height = 0.55 * ridge + 0.7 * rim + 0.8 * lift
        return np.where(bare[..., None], under, colour), np.where(bare, 0, height)


def jitter(rng: np.random.Generator, colour: Array, value: float = 0.1, hue: float = 0.05) -> Array:
    """Break a flat colour up: every stroke gets its own lightness and a little of its own hue."""
    light = rng.normal(0, value, (len(colour), 1))
    return np.clip(colour * (1 + light) + rng.normal(0, hue, colour.shape), 0, 1)


def places(rng: np.random.Generator, weight: Array, count: int) -> Array:
    """Random (x, y) starts, denser where the canvas-sized map `weight` (0..1) is high."""
    height, width = (n / SCALE for n in weight.shape)
    spots = rng.uniform(0, 1, (count * 4, 2)) * (width, height)
    chosen = rng.uniform(0, 1, count * 4) < np.round(sample(weight, spots[:, 1], spots[:, 0]), 6)
    return spots[chosen][:count]
