"""A ZIP file from outside: looked at before it is unpacked, and unpacked no further than said.

Source: OWASP ASVS 5.0 5.2.3; faults F91. Refused are: too many files, too much when unpacked, names
that lead elsewhere, links and devices, what is encrypted, overlapping files, archives in archives.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from portal.core.errors import InvalidInput

MOST_FILES = 2000
MOST_RATIO = 200
# Small files may be very regular: the ratio counts beyond this.
_SMALL = 10 * 1024 * 1024
_PART = 256 * 1024
_TAIL = 65_557
_END = b"PK\x05\x06"
_LONGEST_DIRECTORY = 4 * 1024 * 1024
_NESTED = frozenset({".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst", ".jar"})
_ENCRYPTED = 0x1


class ArchiveRefused(InvalidInput):
    """This is no ZIP file that can be unpacked safely."""

    code = "archive_refused"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold, in bytes."""

    unpacked: int


def unpack(
    source: Path,
    into: Path,
    *,
    suffixes: Iterable[str],
    limits: Limits,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Unpack the files with these suffixes; return how many. `check` is called now and then.

    Raises: ArchiveRefused before anything is written, or while more comes than was said.
    """
    wanted = frozenset(suffixes)
    _check_directory(source)
    try:
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check_entries(entries, source.stat().st_size, limits)
            chosen = [e for e in entries if PurePosixPath(e.filename).suffix.lower() in wanted]
            for entry in chosen:
                _write(archive, entry, into / entry.filename, limits, check)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveRefused("The ZIP file is damaged, or of a kind that is not read.") from error
    return len(chosen)


def _check_directory(source: Path) -> None:
    """Look at what the archive says of itself, before its directory is read."""
    size = source.stat().st_size
    with open(source, "rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise ArchiveRefused("This is not a ZIP file.")
    count, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    if count > MOST_FILES or directory > _LONGEST_DIRECTORY:
        raise ArchiveRefused("The ZIP file holds more than %(most)s files.", most=MOST_FILES)


def _check_entries(entries: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(entries) > MOST_FILES:
        raise ArchiveRefused("The ZIP file holds more than %(most)s files.", most=MOST_FILES)
    for entry in entries:
        _check_entry(entry)
    names = [entry.filename.casefold() for entry in entries]
    if len(set(names)) < len(names):
        raise ArchiveRefused("Two files in the ZIP file have one name.")
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if packed > size:
        raise ArchiveRefused("Files in the ZIP file overlap.")
    if total > limits.unpacked or (total > _SMALL and total > MOST_RATIO * max(1, packed)):
        raise ArchiveRefused("The ZIP file holds too much when it is unpacked.")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = PurePosixPath(name).parts
    leads_elsewhere = name.startswith("/") or ".." in parts or ":" in name or "\\" in name
    if leads_elsewhere or any(ord(sign) < 32 for sign in name) or len(name) > 200:
        raise ArchiveRefused("A file in the ZIP file has a name that leads elsewhere.")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ArchiveRefused("The ZIP file holds a link or a device.")
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveRefused("The ZIP file is encrypted.")
    if PurePosixPath(name).suffix.lower() in _NESTED:
        raise ArchiveRefused("The ZIP file holds another archive.")


def _write(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    path: Path,
    limits: Limits,
    check: Callable[[], None],
) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Compressed once more inside: what comes out of it is counted as well.
    inner = zlib.decompressobj() if path.suffix.lower() == ".dsjc" else None
    written = opened = 0
    with archive.open(entry) as source, open(path, "xb") as file:
        while part := source.read(_PART):
            check()
            written += len(part)
            opened += _opened(inner, part, limits.unpacked - opened) if inner else 0
            if written > entry.file_size or opened > limits.unpacked:
                raise ArchiveRefused("The ZIP file holds too much when it is unpacked.")
            file.write(part)


def _opened(inner: "zlib._Decompress", part: bytes, most: int) -> int:
    """Return how many bytes come out of a part, counted up to more than `most`."""
    count, waiting = 0, part
    while waiting and count <= most:
        count += len(inner.decompress(waiting, _PART))
        waiting = inner.unconsumed_tail
    return count
