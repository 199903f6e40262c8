"""Paint the bundled style pictures: python data/paint_styles.py [--out DIR] [--list] [NAME ...].

Every picture comes from a fixed seed and from numpy and Pillow alone, so a second run writes the
same bytes.  The painters themselves are in the folder `painters` beside this file.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from painters import crafts, liquids, oils, prints

# name: (painter, seed, JPEG quality); busy pictures get a lower quality to stay below 300 KB.
STYLES: dict[str, tuple[Callable[[np.random.Generator], Image.Image], int, int]] = {
    "impasto_night": (oils.impasto_night, 7, 90),
    "fauve_hills": (oils.fauve_hills, 7, 90),
    "pointillist_river": (oils.pointillist_river, 7, 90),
    "cubist_shards": (oils.cubist_shards, 7, 90),
    "de_stijl_grid": (oils.de_stijl_grid, 7, 90),
    "stained_glass": (crafts.stained_glass, 7, 92),
    "byzantine_mosaic": (crafts.byzantine_mosaic, 7, 86),
    "batik_kawung": (crafts.batik_kawung, 7, 84),
    "golden_ornament": (crafts.golden_ornament, 7, 88),
    "woodblock_waves": (prints.woodblock_waves, 7, 90),
    "pen_engraving": (prints.pen_engraving, 7, 88),
    "ink_wash": (prints.ink_wash, 7, 92),
    "marbled_paper": (liquids.marbled_paper, 7, 84),
    "watercolour_blooms": (liquids.watercolour_blooms, 7, 92),
    "splatter": (liquids.splatter, 7, 84),
}


def paint(name: str) -> bytes:
    """Paint one style and return its JPEG file as bytes."""
    painter, seed, quality = STYLES[name]
    picture = painter(np.random.default_rng(seed))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="Paint the bundled style pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="styles to paint (default: all)")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "style")
    parser.add_argument("--list", action="store_true", help="print the style names and stop")
    args = parser.parse_args(argv)
    if args.list:
        print("\n".join(STYLES))
        return 0
    unknown = [name for name in args.names if name not in STYLES]
    if unknown:
        print(
            f"There is no style named {', '.join(unknown)}; --list shows the names.",
            file=sys.stderr,
        )
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or STYLES:
        target = args.out / f"{name}.jpg"
        # Write aside and rename, so that a reader never meets half a picture.
        aside = target.with_suffix(".jpg.part")
        aside.write_bytes(paint(name))
        os.replace(aside, target)
        print(f"{target}  {target.stat().st_size // 1024} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
