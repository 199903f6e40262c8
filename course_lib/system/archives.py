"""Archives of training images: downloaded, checked, and extracted picture by picture.

``fetch_archive`` does it all and goes on where an earlier call was stopped; ``extract_images`` is
its second half, for a zip file that is already there.
"""

import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from course_lib import CourseError
from course_lib.system.downloads import CHUNK, check_space, download
from course_lib.system.files import check_writable, remove_leftovers, replacing
from course_lib.system.printing import no_bar

# What data sets hold, of what ``images.py`` reads; not imported, so that no download needs PyTorch.
EXTENSIONS = (".jpg", ".jpeg", ".png")
# What a zip file gains on JPEGs is a few percent at most; a little room is kept on top.
UNPACKED = 1.05
# What ``zipfile`` raises, some of it undocumented, when bytes are missing or wrong.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError)
# Hidden names (and with them ``..``), and letters that are not part of names on every system.
UNSAFE_PART = re.compile(r'\.|.*[\\:*?"<>|\x00-\x1f\x7f]', re.DOTALL)


class ArchiveError(CourseError, ValueError):
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
    """What was done: names inside the archive, for each skipped one the reason."""

    saved: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes, of all images in the archive


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
    request that nothing is missing. A stopped call leaves what it has for the next.

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
    if sizes:
        wanted = sorted(sizes)[:images]
        missing = _missing(folder, wanted, sizes)
        if not missing:
            return ArchiveReport(present=wanted, sizes=sizes)
        unpacked = sum(sizes[name] for name in missing)
    else:
        unpacked = int(source.size * UNPACKED * (images or source.images) / source.images)
    needed = _left_to_download(archive, source) + unpacked
    check_space(folder, needed, f"{source.url} with its extracted images")
    _check_writable(folder)
    download(source.url, archive, sha256=source.sha256, size=source.size, progress=progress)
    report = extract_images(archive, folder, images=images, progress=progress)
    with replacing(contents) as temporary:
        notes = {"url": source.url, "sha256": source.sha256, "sizes": report.sizes}
        temporary.write_text(json.dumps(notes, indent=0) + "\n", encoding="utf-8")
    if not keep_archive:
        archive.unlink()
    return report


def extract_images(
    archive: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    images: int | None = None,
    progress: bool = True,
) -> ArchiveReport:
    """Extract the images of a zip file into ``folder``, the first ``images`` by name or all.

    Images already there in full length are kept. A picture appears under its name only when its
    checksum agrees. Skipped, with the reason, is every entry that is no image by its extension,
    is a link or encrypted, or whose name is absolute, hidden, or holds ``..``, a backslash or a
    letter that file names cannot have everywhere: so nothing is ever written outside ``folder``.

    Raises:
        ArchiveError: no zip file, a damaged one, one without images, or an unwritable folder.
        DownloadError: no room for the images.
    """
    archive, folder = Path(archive), Path(folder)
    report = ArchiveReport()
    with _open(archive) as file:
        members = _list_images(file, report.skipped)
        if not members:
            raise ArchiveError(f"{archive} holds no images; check that it is the right file")
        report.sizes = {name: members[name].file_size for name in sorted(members)}
        wanted = list(report.sizes)[:images]
        _remove_leftovers(folder, wanted)
        missing = _missing(folder, wanted, report.sizes)
        report.present = sorted(set(wanted) - set(missing))
        needed = sum(report.sizes[name] for name in missing)
        check_space(folder, needed, f"extracting {archive}")
        for name in tqdm(missing, desc=f"extracting {archive.name}", disable=no_bar(progress)):
            _extract_one(file, members[name], archive, folder / name)
            report.saved.append(name)
    return report


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except DAMAGE as error:
        raise _damaged(archive, error) from None
    except OSError as error:
        reason = error.strerror or error
        raise ArchiveError(f"{archive} cannot be read ({reason}); check the path") from None


def _list_images(file: zipfile.ZipFile, skipped: dict[str, str]) -> dict[str, zipfile.ZipInfo]:
    """The entries to extract, by name; what is wrong with the others goes to ``skipped``."""
    members = {}
    for member in file.infolist():
        problem = _problem(member)
        if problem:
            skipped[member.orig_filename] = problem
        elif not member.is_dir():
            members[member.filename] = member
    return members


def _extract_one(
    file: zipfile.ZipFile, member: zipfile.ZipInfo, archive: Path, target: Path
) -> None:
    try:
        with replacing(target) as temporary, temporary.open("wb") as copy:
            for chunk in _read(file, member, archive):
                copy.write(chunk)
    except OSError as error:
        reason = error.strerror or error
        message = f"{target} cannot be written ({reason}); make room or use another folder"
        raise ArchiveError(f"{message}, and run it again to continue") from None


def _read(file: zipfile.ZipFile, member: zipfile.ZipInfo, archive: Path) -> Iterator[bytes]:
    """The contents of one entry in chunks; raises unless its CRC-32 and length agree."""
    try:
        read = 0
        with file.open(member) as source:
            while chunk := source.read(CHUNK):
                read += len(chunk)
                yield chunk
        if read != member.file_size:
            raise EOFError("too short")
    except (*DAMAGE, OSError) as error:  # OSError: an offset outside of the file, or a bad disk
        raise _damaged(archive, error, member.filename) from None


def _problem(member: zipfile.ZipInfo) -> str:
    """Why an entry is not extracted; empty if it is."""
    name = member.orig_filename  # as stored: ``filename`` is cut at a zero and has no backslashes
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        return "its name leads out of the folder"
    if any(not part or UNSAFE_PART.match(part) for part in parts):
        return "its name is hidden or not allowed on every system"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a link or device, not a file"
    if member.is_dir():
        return ""
    if not name.lower().endswith(EXTENSIONS):
        return f"it is no image ({', '.join(EXTENSIONS)})"
    if member.flag_bits & 0x1:
        return "it is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "its kind of compression is not supported"
    return ""


def _damaged(archive: Path, error: Exception, name: str = "") -> ArchiveError:
    where = f" at {name}" if name else ""
    reason = " ".join(str(error).split()) or type(error).__name__
    return ArchiveError(
        f"{archive} is damaged or incomplete{where} ({reason}); delete it and download it again"
    )


def _remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove the temporary files of ``replacing`` that a killed extraction left behind."""
    inside: dict[Path, set[str]] = {}
    for path in (folder / name for name in names):
        inside.setdefault(path.parent, set()).add(path.name)
    for parent, files in inside.items():
        remove_leftovers(parent, files)


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


def _check_writable(folder: Path) -> None:
    try:
        check_writable(folder)
    except OSError as error:
        reason = error.strerror or error
        raise ArchiveError(f"{folder} cannot be written ({reason}); use another folder") from None
