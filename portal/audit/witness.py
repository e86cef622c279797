"""Witnesses: where the head of the chain goes, out of the reach of whoever could rewrite it.

A witness is a folder's file of JSON lines, one a seal, only ever appended to. Put it on another
machine or on storage that is written once; `verify_audit --anchor` reads any copy of it.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from portal.audit.chain import Head


class WitnessDisagrees(Exception):
    """The witness knows another chain than the database: run verify_audit before anything else."""


class FileWitness:
    """A file of JSON lines. Appending is safe among processes and at every point of a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def publish(self, heads: Iterable[Head]) -> None:
        """Append heads and return only when they are on the disk. Raises: OSError."""
        text = "".join(json.dumps(asdict(head), separators=(",", ":")) + "\n" for head in heads)
        if not text:
            return
        new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab") as file:
            # A crash may have torn the last line: it stays as it is, and is written again whole.
            if self._torn():
                file.write(b"\n")
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if new:
            _sync_folder(self.path.parent)

    def last(self) -> Head | None:
        """Return the last whole head. Raises: OSError."""
        if not self.path.exists():
            return None
        with open(self.path, "rb") as file:
            # A head is 200 bytes; two pages hold the last ones, however long the file is.
            file.seek(max(0, self.path.stat().st_size - 8192))
            return max(_heads(file), key=lambda head: head.number, default=None)

    def lock(self) -> int:
        """Return a descriptor that locks the file until it is closed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def _torn(self) -> bool:
        size = self.path.stat().st_size if self.path.exists() else 0
        if size == 0:
            return False
        with open(self.path, "rb") as file:
            file.seek(size - 1)
            return file.read(1) != b"\n"


def witnesses() -> list[FileWitness]:
    """Return the configured witnesses; one file in the data folder unless told otherwise."""
    default = [str(settings.DATA_DIR / "witness" / "seals.jsonl")]
    return [FileWitness(Path(path)) for path in settings.AUDIT_WITNESSES or default]


def read_anchor(path: Path) -> list[Head]:
    """Return the heads of a witness's file or of a copy. Raises: OSError."""
    with open(path, "rb") as file:
        return list(_heads(file))


def _heads(lines: Iterable[bytes]) -> Iterator[Head]:
    for line in lines:
        try:
            yield Head(**json.loads(line))
        except (ValueError, TypeError):
            continue  # torn by a crash; verification sees by the numbers whether one is missing


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
