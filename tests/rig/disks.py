"""Small file systems of a test's own, to be filled: only root may mount them."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.plugins import template_cache
from tests.rig.bed import Bed

DATA_MEGABYTES = 300
WAL_MEGABYTES = 160


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Give a folder that holds so much and no more."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a file system of its own")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on a disk; return what takes it."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for piece in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * piece)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return ballast


@contextmanager
def bed_on_disks(folder: Path) -> Iterator[tuple[Bed, Path, Path]]:
    """Give a rig whose database has a disk for its data and one for its log."""
    with (
        disk(folder / "data", DATA_MEGABYTES) as data,
        disk(folder / "wal", WAL_MEGABYTES) as wal,
    ):
        bed = Bed(folder / "bed", "disks", data / "postgres")
        if bed.postgres.identity.kind == "user":
            pytest.skip("PostgreSQL has to run as another user here, on a disk of its choice")
        assert template_cache.restore(bed.postgres.data)
        shutil.move(bed.postgres.data / "pg_wal", wal / "pg_wal")
        (bed.postgres.data / "pg_wal").symlink_to(wal / "pg_wal")
        try:
            bed.start_servers()
            yield bed, data, wal
        finally:
            bed.stop()
