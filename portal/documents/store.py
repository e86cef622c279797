"""Files of reports: written beside, made durable, then given their name (F17).

They lie in PORTAL_DATA/reports, which no server serves and only the portal's own user can enter.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings

from portal.core.failpoints import failpoint

_PART = 64 * 1024


class Output:
    """A file that is being written, with its digest and size so far."""

    def __init__(self, file: IO[bytes], path: Path, extension: str, content_type: str) -> None:
        self._file, self.path = file, path
        self.extension, self.content_type = extension, content_type
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of everything written."""
        return self._digest.hexdigest()

    def write(self, part: bytes) -> None:
        """Append to the file."""
        self._file.write(part)
        self._digest.update(part)
        self.size += len(part)


def folder(name: str = "reports") -> Path:
    """Return a folder of the portal's data that only its own user can enter."""
    path: Path = settings.DATA_DIR / name
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(report: UUID, extension: str) -> Path:
    """Return where the file of a finished report lies."""
    return folder() / f"{report}.{extension}"


def path_of_upload(upload: UUID) -> Path:
    """Return where an uploaded file lies."""
    return folder("uploads") / f"{upload}.zip"


@contextmanager
def writing(report: UUID, attempt: int, extension: str, content_type: str) -> Iterator[Output]:
    """Write a file that nobody sees before `publish` gives it its name."""
    path = folder() / f"{report}.{attempt}.part"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        output = Output(file, path, extension, content_type)
        yield output
        failpoint("report.mid_write")
        file.flush()
        os.fsync(file.fileno())


def publish(report: UUID, output: Output) -> None:
    """Give a whole file its name; from then on it survives a power cut."""
    output.path.replace(path_of(report, output.extension))
    made = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(made)
    finally:
        os.close(made)
    failpoint("report.after_rename")


def parts_of(path: Path) -> Iterator[bytes]:
    """Yield a file in parts."""
    with open(path, "rb") as file:
        while part := file.read(_PART):
            yield part


@contextmanager
def workspace(report: UUID) -> Iterator[Path]:
    """Return an empty folder for the time of one piece of work."""
    path = folder("work") / str(report)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, which may be gone already."""
    with suppress(FileNotFoundError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
