"""Archives of training images: downloaded, checked, and extracted picture by picture."""

import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from course_lib import CourseError
from course_lib.system.downloads import check_space, download
from course_lib.system.files import check_writable, remove_leftovers, replacing, write_text
from course_lib.system.printing import no_bar

# What data sets hold, of what ``images.py`` reads; not imported, so that no download needs PyTorch.
EXTENSIONS = (".jpg", ".jpeg", ".png")
# What a zip file gains on JPEGs is a few percent at most; a little room is kept on top.
UNPACKED = 1.05


class ArchiveError(CourseError):
    """An archive that cannot be used or extracted; the message is one sentence for the user."""


@dataclass(frozen=True)
class ImageArchive:
    """A zip file of images on the web: address, length in bytes, checksum, number of images."""

    url: str
    size: int
    sha256: str
    images: int

    @property
    def name(self) -> str:
        return PurePosixPath(self.url).name


# The validation photographs of MS COCO 2017. We found no checksum published beside the file.
# Length, this sha256 and the md5 442b8da7639aecaf257c1dceb8ba8c80 are given, some of them all
# three together, by many public repositories that downloaded it. The address is plain http, so
# the sha256 is also what would notice a file that was changed on its way.
COCO = ImageArchive(
    url="http://images.cocodataset.org/zips/val2017.zip",
    size=815_585_330,
    sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
    images=5000,
)


@dataclass
class ArchiveReport:
    """What was done: names inside the archive."""

    saved: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


def fetch_archive(
    source: ImageArchive,
    folder: str | os.PathLike,
    *,
    images: int | None = None,
    keep_archive: bool = False,
    progress: bool = True,
) -> ArchiveReport:
    """Download ``source`` into ``folder`` and extract its images there, nested as in the archive.

    ``images`` takes the first so many by name, so that a smaller set is part of every larger one;
    None takes all. Once the images asked for are there, the archive is deleted, unless
    ``keep_archive``; a list of its contents stays, by which the next call knows without any
    request that nothing is missing. A stopped call leaves what it has for the next. The checksum
    says that the archive is the known one, so its names and entries are trusted.

    Raises:
        ArchiveError: too many images asked for, a damaged archive, or an unwritable folder.
        DownloadError: no connection, wrong length or checksum, or no room for archive and images.
    """
    folder = Path(folder)
    if images is not None and not 1 <= images <= source.images:
        message = f"{source.name} has {source.images:,} images, not {images:,}"
        raise ArchiveError(f"{message}; ask for 1 to {source.images}")
    archive = folder / source.name
    contents = archive.with_suffix(".json")
    sizes = _read_contents(contents, source)
    unpacked = int(source.size * UNPACKED * (images or source.images) / source.images)
    if sizes:
        wanted = sorted(sizes)[:images]
        missing = _missing(folder, wanted, sizes)
        if not missing:
            return ArchiveReport(present=wanted)
        unpacked = sum(sizes[name] for name in missing)
    needed = _left_to_download(archive, source) + unpacked
    check_space(folder, needed, f"{source.url} with its extracted images")
    try:
        check_writable(folder)
        download(source.url, archive, sha256=source.sha256, size=source.size, progress=progress)
        sizes, report = _extract(archive, folder, images, progress)
        notes = {"url": source.url, "sha256": source.sha256, "sizes": sizes}
        write_text(contents, json.dumps(notes, indent=0) + "\n")
    except OSError as error:
        where, reason = error.filename or folder, error.strerror or error
        raise ArchiveError(
            f"{where} cannot be written ({reason}); make room or use another folder, and run it "
            "again to continue"
        ) from None
    if not keep_archive:
        archive.unlink()
    return report


def _extract(
    archive: Path, folder: Path, images: int | None, progress: bool
) -> tuple[dict[str, int], ArchiveReport]:
    """Extract the first ``images``; those there in full length are kept. Also the sizes of all."""
    with zipfile.ZipFile(archive) as file:
        found = [m for m in file.infolist() if m.filename.lower().endswith(EXTENSIONS)]
        sizes = {member.filename: member.file_size for member in found}
        wanted = sorted(sizes)[:images]
        for parent in {(folder / name).parent for name in wanted}:  # of a process that was killed
            remove_leftovers(parent, {Path(name).name for name in wanted})
        missing = _missing(folder, wanted, sizes)
        for name in tqdm(missing, desc=f"extracting {archive.name}", disable=no_bar(progress)):
            try:
                data = file.read(name)  # raises unless its CRC-32 agrees
            except zipfile.BadZipFile as error:
                raise ArchiveError(
                    f"{archive} is damaged ({error}); delete it and download it again"
                ) from None
            with replacing(folder / name) as temporary:
                temporary.write_bytes(data)
    return sizes, ArchiveReport(missing, sorted(set(wanted) - set(missing)))


def _read_contents(path: Path, source: ImageArchive) -> dict[str, int]:
    """The images of ``source`` and their lengths in bytes, if an earlier call wrote them down."""
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
        if notes["sha256"] != source.sha256:
            return {}
        return {str(name): int(size) for name, size in notes["sizes"].items()}
    # None, or damaged: the archive is asked instead.
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _missing(folder: Path, names: list[str], sizes: dict[str, int]) -> list[str]:
    return [name for name in names if not _is_there(folder / name, sizes[name])]


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _left_to_download(archive: Path, source: ImageArchive) -> int:
    """How many bytes of the archive are still to come."""
    if _is_there(archive, source.size):
        return 0
    part = archive.with_name(archive.name + ".part")
    return max(0, source.size - (part.stat().st_size if part.is_file() else 0))
