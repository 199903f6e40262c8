"""Read Qt resource files (.rcc), also straight out of a Debian package."""

import io
import struct
import tarfile
import zlib
from pathlib import Path

ARCHIVE = b"!<arch>\n"  # a Debian package is an ar archive of tar archives


def read_resources(path: Path, name: str) -> dict[str, bytes]:
    """The files in a resource file, or in the one called ``name`` in a Debian package.

    Raises:
        FileNotFoundError: ``path`` is missing, or the package holds no such resource file.
        ValueError: see ``read_rcc``.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    content = path.read_bytes()
    return read_rcc(unpack_deb(content, name) if content.startswith(ARCHIVE) else content)


def unpack_deb(content: bytes, name: str) -> bytes:
    """One file out of a Debian package, by its name without folders."""
    position = len(ARCHIVE)
    while position + 60 <= len(content):  # a header of 60 bytes, the member, padding to even
        size = int(content[position + 48 : position + 58])
        if content[position:].startswith(b"data.tar"):
            member = io.BytesIO(content[position + 60 : position + 60 + size])
            with tarfile.open(fileobj=member) as tar:
                for entry in tar:
                    if entry.isfile() and Path(entry.name).name == name:
                        return tar.extractfile(entry).read()
        position += 60 + size + size % 2
    raise FileNotFoundError(f"the package holds no {name}")


def read_rcc(content: bytes) -> dict[str, bytes]:
    """Unpack a Qt resource file of format version 1 to 3: path of each file -> its bytes.

    All numbers are big-endian. The tree is an array of nodes, the root first: where the name is,
    flags, then either number of children and first child, or country, language and where the
    data are. A name is its length, a hash and UTF-16; data are their length and the bytes.

    Raises:
        ValueError: no such file, or a file in it is compressed with Zstandard.
    """
    magic, version, tree, data, names = struct.unpack(">4s4I", content[:20].ljust(20, b"\0"))
    if magic != b"qres" or version not in (1, 2, 3):
        raise ValueError("this is not a Qt resource file of version 1, 2 or 3")
    node_size = 14 if version == 1 else 22  # versions 2 and 3 add a date
    files = {}

    def walk(index: int, folders: tuple[str, ...]) -> None:
        where, flags, first, second = struct.unpack_from(">IHII", content, tree + index * node_size)
        if index:
            (length,) = struct.unpack_from(">H", content, names + where)
            start = names + where + 6
            folders += (content[start : start + 2 * length].decode("utf-16-be"),)
        if flags & 2:  # a folder
            for child in range(second, second + first):
                walk(child, folders)
            return
        path = "/".join(folders)
        if flags & 4:
            raise ValueError(f"{path} is compressed with Zstandard, which this reader cannot undo")
        (size,) = struct.unpack_from(">I", content, data + second)
        stored = content[data + second + 4 : data + second + 4 + size]
        files[path] = zlib.decompress(stored[4:]) if flags & 1 else stored  # its length comes first

    walk(0, ())
    return files
