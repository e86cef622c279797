"""Small studies written to disk, and the published pilot study where it is there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.portal.exchange.sdtm.xpt_files import write_xpt

PROJECT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("PORTAL_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set PORTAL_REAL_DATA")
    return folder


@pytest.fixture
def subjects() -> Callable[..., dict[str, Any]]:
    """One row of DM, with everything that a test does not care about filled in."""

    def build(subject: str = "S-1", **changes: Any) -> dict[str, Any]:
        return {
            "STUDYID": "T1",
            "DOMAIN": "DM",
            "USUBJID": subject,
            "SUBJID": subject,
            "RFSTDTC": "2020-03-01",
            "RFXSTDTC": "2020-03-01",
            "DTHDTC": "",
            "DTHFL": "",
            "SITEID": "01",
            "AGE": 50,
            "AGEU": "YEARS",
            "SEX": "F",
            "RACE": "WHITE",
            "ETHNIC": "",
            "ARMCD": "A",
            "ARM": "Arm A",
            "ACTARMCD": "A",
            "ACTARM": "Arm A",
            "COUNTRY": "USA",
        } | changes

    return build


@pytest.fixture
def study(tmp_path: Path, subjects: Callable[..., dict[str, Any]]) -> Callable[..., Path]:
    """Write a study of XPT files: `study(ae=[...], vs=[...])`; DM holds S-1 unless given."""

    def write(**datasets: list[dict[str, Any]]) -> Path:
        folder = tmp_path / "study"
        for name, rows in ({"dm": [subjects()]} | datasets).items():
            write_xpt(folder / f"{name}.xpt", name.upper(), rows)
        return folder

    return write
