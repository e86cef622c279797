"""Published instruments, where they are there."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("PORTAL_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set PORTAL_REAL_DATA")
    return folder
