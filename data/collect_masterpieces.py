"""Rebuild data/masterpieces/: famous paintings out of a jigsaw game in a Debian package.

    apt-get download gcompris-qt-data                      # 44 MB, on Debian or Ubuntu
    python data/collect_masterpieces.py gcompris-qt-data_*.deb

The game's resource file, paintings.rcc, holds each painting as tiles with rounded positions; here
they are put back where their overlaps agree. Every painting, and what the package says of its
licence, is listed in data/README.md. Version 3.1-2 of the package and Pillow 13.0.0 wrote the
files in data/masterpieces; other versions may encode a few bytes differently.
"""

import argparse
import io
import os
import re
import sys
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from qt_resources import read_resources

INSTALLED = Path("/usr/share/gcompris-qt/rcc/paintings.rcc")  # where the package puts it
LARGEST = 120_000  # bytes of a JPEG
NEAR = 4  # pixels; no tile lies further from where its board and its neighbours want it
PAINTINGS = {  # file in data/masterpieces: board of the game, paper or frame to cut off
    "arcimboldo_librarian.jpg": (3, (0, 0, 4, 0)),  # left, top, right, bottom in pixels
    "arcimboldo_spring.jpg": (2, (0, 0, 0, 0)),
    "bazille_ramparts.jpg": (20, (5, 6, 5, 5)),
    "bellini_pesaro_castle.jpg": (15, (0, 0, 0, 0)),
    "bruegel_harvesters.jpg": (17, (0, 0, 0, 0)),
    "cassatt_summertime.jpg": (21, (0, 0, 0, 0)),
    "duerer_lion.jpg": (16, (0, 0, 0, 0)),
    "hiroshige_horse_mackerel.jpg": (9, (0, 0, 0, 0)),
    "hiroshige_shrine_in_snow.jpg": (8, (0, 0, 0, 0)),
    "hokusai_ejiri.jpg": (6, (0, 0, 0, 0)),
    "hokusai_great_wave.jpg": (7, (0, 0, 0, 0)),
    "hokusai_kazusa_sea_route.jpg": (12, (0, 0, 0, 0)),
    "hokusai_oiran_and_kamuro.jpg": (4, (0, 0, 0, 0)),
    "hokusai_poppies.jpg": (11, (0, 0, 0, 0)),
    "hokusai_ryogoku_bridge.jpg": (10, (0, 0, 0, 0)),
    "hokusai_woman_with_fan.jpg": (5, (12, 14, 17, 26)),
    "kandinsky_composition_viii.jpg": (19, (0, 0, 0, 0)),
    "leonardo_mona_lisa.jpg": (14, (0, 0, 0, 0)),
    "renoir_girls_at_the_piano.jpg": (18, (0, 0, 0, 0)),
    "renoir_moulin_de_la_galette.jpg": (1, (0, 0, 0, 0)),
    "van_gogh_street_in_auvers.jpg": (22, (0, 0, 0, 0)),
}
Tile = tuple[np.ndarray, float, float]  # RGBA (H, W, 4) uint8; x, y of its top left corner


def read_board(files: dict[str, bytes], number: int) -> list[Tile]:
    """The tiles of one board, which gives their centres as fractions of its background."""
    folder = next(path for path in files if path.endswith("/board1_0.qml")).split("board/")[0]
    text = files[f"{folder}board/board{number}_0.qml"].decode()
    width, height = (int(re.search(rf'"{side}": (\d+)', text)[1]) for side in ("width", "height"))
    tiles = []
    pattern = r'"pixmapfile"\s*:\s*"([^"]+\.webp)",\s*"x"\s*:\s*"([\d.]+)",\s*"y"\s*:\s*"([\d.]+)"'
    for name, x, y in re.findall(pattern, text):
        with Image.open(io.BytesIO(files[folder + name])) as picture:
            tile = np.asarray(picture.convert("RGBA"))
        rows, columns = tile.shape[:2]
        tiles.append((tile, float(x) * width - columns / 2, float(y) * height - rows / 2))
    return tiles


def assemble(tiles: list[Tile]) -> np.ndarray:
    """Put tiles together to one picture, (H, W, 3) uint8.

    Rectangular tiles touch and form rows. Tiles with a transparent rim are pieces of a jigsaw
    that overlap by a pixel or more: the one with most overlap comes next, at the whole pixel
    where it agrees best with those already there. Overlaps are averaged.

    Raises:
        ValueError: the tiles leave gaps.
    """
    if all(tile[..., 3].all() for tile, _, _ in tiles):
        return in_rows(tiles)
    masks = [tile[..., 3:] > 127 for tile, _, _ in tiles]
    pieces = [tile[..., :3] * mask for (tile, _, _), mask in zip(tiles, masks, strict=True)]
    sizes = np.array([mask.shape[:2] for mask in masks])
    corners = np.array([(y, x) for _, x, y in tiles])
    corners += 4 * NEAR - corners[0] % 1 - corners.min(0).round()  # room; the first one is whole
    total = np.zeros((*np.ceil((corners + sizes).max(0)).astype(int) + 4 * NEAR, 3))
    count = np.zeros((*total.shape[:2], 1), int)
    placed = {}  # index of a tile: its corner, y and x in whole pixels

    def differences(i: int, corner: np.ndarray) -> np.ndarray:
        """Absolute differences of a tile from the colours that it would cover, (pixels, 3)."""
        area = tuple(map(slice, corner, corner + sizes[i]))
        common = (masks[i] & (count[area] > 0))[..., 0]
        return np.abs(pieces[i][common] - total[area][common] / count[area][common])

    def fit(i: int, rounded: np.ndarray) -> np.ndarray:
        """The corner of least mean difference plus squared distance from where it should be.

        That is the board's position, or as far from it as the neighbours are from theirs.
        """
        apart = {j: np.abs(corners[i] - corners[j] + (sizes[i] - sizes[j]) / 2) for j in placed}
        neighbours = [j for j in placed if (apart[j] < (sizes[i] + sizes[j]) / 2).all()]
        expected = np.mean([placed[j] - corners[j] for j in neighbours], axis=0)
        least, costs = len(differences(i, rounded)) / 2, {}
        for step in product(range(-2 * NEAR, 2 * NEAR + 1), repeat=2):
            move = rounded + step - corners[i]
            far = min((move**2).sum(), ((move - expected) ** 2).sum())
            if far <= NEAR**2 and len(found := differences(i, rounded + step)) > least:
                costs[*(rounded + step)] = far + found.mean()
        return np.array(min(costs, key=costs.get))

    while len(placed) < len(tiles):
        starts = {i: corners[i].round().astype(int) for i in range(len(tiles)) if i not in placed}
        i = max(starts, key=lambda i: len(differences(i, starts[i])))
        placed[i] = fit(i, starts[i]) if placed else starts[i]
        area = tuple(map(slice, placed[i], placed[i] + sizes[i]))
        total[area] += pieces[i]
        count[area] += masks[i]
    area = covered_rectangle(count[..., 0] > 0)
    total, count = total[area], count[area]
    for y, x in np.argwhere(count[..., 0] == 0):  # a pixel where four corners meet
        near = (slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
        total[y, x], count[y, x] = total[near].sum((0, 1)), count[near].sum()
    return np.round(total / count).astype(np.uint8)


def in_rows(tiles: list[Tile]) -> np.ndarray:
    """Put rectangular tiles together in rows, each as high as its lowest tile."""
    rows = []
    for tile in sorted(tiles, key=lambda tile: tile[2]):
        if not rows or tile[2] - rows[-1][0][2] > NEAR:
            rows.append([])
        rows[-1].append(tile)
    heights = [min(len(tile) for tile, _, _ in row) for row in rows]
    return np.vstack(
        [
            np.hstack(
                [tile[:height, :, :3] for tile, _, _ in sorted(row, key=lambda tile: tile[1])]
            )
            for row, height in zip(rows, heights, strict=True)
        ]
    )


def covered_rectangle(covered: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns left when the side with most gaps is cut off until no side has any."""
    top, bottom, left, right = 0, covered.shape[0], 0, covered.shape[1]
    while top < bottom and left < right:
        area = covered[top:bottom, left:right]
        gaps = [(~side).mean() for side in (area[0], area[-1], area[:, 0], area[:, -1])]
        worst = int(np.argmax(gaps))
        if gaps[worst] == 0:
            break
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    if top == bottom or left == right or (~area).mean() > 1e-4:
        raise ValueError("the tiles leave gaps")
    return slice(top, bottom), slice(left, right)


def encode(picture: np.ndarray) -> bytes:
    """Encode (H, W, 3) uint8 as the best progressive JPEG of at most ``LARGEST`` bytes."""
    for quality in range(95, 0, -1):
        jpeg = io.BytesIO()
        Image.fromarray(picture).save(
            jpeg, "JPEG", quality=quality, optimize=True, progressive=True
        )
        if jpeg.tell() <= LARGEST:
            return jpeg.getvalue()
    raise ValueError(f"no quality makes the picture smaller than {LARGEST} bytes")


def main(arguments: list[str] | None = None) -> int:
    default = Path(__file__).resolve().parent / "masterpieces"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "source",
        nargs="?",
        type=Path,
        default=INSTALLED,
        help="the .deb of gcompris-qt-data, or paintings.rcc",
    )
    parser.add_argument("--out", type=Path, default=default, help="data/masterpieces")
    options = parser.parse_args(arguments)
    try:
        files = read_resources(options.source, INSTALLED.name)
    except (FileNotFoundError, ValueError) as error:
        print(
            f"{error}; run `apt-get download gcompris-qt-data` on Debian or Ubuntu and give the "
            "file that it fetches",
            file=sys.stderr,
        )
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (number, (left, top, right, bottom)) in PAINTINGS.items():
        whole = assemble(read_board(files, number))
        picture = whole[top : len(whole) - bottom, left : whole.shape[1] - right]
        jpeg, path = encode(picture), options.out / name
        same = path.is_file() and path.read_bytes() == jpeg
        if not same:
            part = path.with_name(path.name + ".part")
            part.write_bytes(jpeg)
            os.replace(part, path)
        size = f"{picture.shape[1]}×{picture.shape[0]}, {len(jpeg) / 1000:.0f} KB"
        print(f"{name}: {size}, {'unchanged' if same else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
