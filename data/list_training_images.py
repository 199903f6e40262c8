"""List the training images with their checksums: python data/list_training_images.py FOLDER.

FOLDER holds the photographs in `content` and the paintings in `style`. Every image gets a row in
data/runs/decoder/training_images.csv: split, file, sha256, and its use, which is `train` but for
the files named in held_out.txt and near_masterpieces.txt beside the list.
"""

import argparse
import csv
import hashlib
import io
import os
import sys
from pathlib import Path

RECORDS = Path(__file__).resolve().parent / "runs" / "decoder"
SPLITS = ("content", "style")
USES = {"held_out": "held_out.txt", "near_masterpiece": "near_masterpieces.txt"}


def read_uses(records: Path) -> dict[str, str]:
    """File name -> use, of the images that are not trained on.

    Raises:
        ValueError: a file is named twice.
    """
    uses = {}
    for use, list_name in USES.items():
        for name in (records / list_name).read_text(encoding="utf-8").split():
            if name in uses:
                raise ValueError(f"{name} is listed twice, at last in {records / list_name}")
            uses[name] = use
    return uses


def list_images(folder: Path, uses: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """Rows of split, file name, SHA-256 in hexadecimal digits, and use, sorted.

    Raises:
        FileNotFoundError: a folder is missing, or a file that ``uses`` names.
    """
    rows = []
    for split in SPLITS:
        if not (folder / split).is_dir():
            raise FileNotFoundError(f"{folder / split} is missing")
        for path in sorted((folder / split).glob("*.jpg")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append((split, path.name, digest, uses.get(path.name, "train")))
    missing = set(uses) - {name for _, name, _, _ in rows}
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(sorted(missing))}")
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds content/ and style/")
    parser.add_argument("--records", type=Path, default=RECORDS, help="data/runs/decoder")
    options = parser.parse_args(arguments)
    try:
        rows = list_images(options.folder, read_uses(options.records))
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", "file", "sha256", "use"))
    writer.writerows(rows)
    out = options.records / "training_images.csv"
    part = out.with_name(out.name + ".part")
    part.write_text(text.getvalue(), encoding="utf-8")
    os.replace(part, out)
    for split in SPLITS:
        uses = [use for s, _, _, use in rows if s == split]
        counts = ", ".join(f"{uses.count(use)} {use}" for use in ("train", *USES))
        print(f"{split}: {len(uses)} images: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
