"""What would unblind is protected on arrival: rows, facts and findings alike."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from patients.models import (
    Allocation,
    DataFinding,
    DataPoint,
    Exposure,
    ExposureGiven,
    ProtectedFinding,
    ProtectedSourceRecord,
    SourceRecord,
    SubjectElement,
)
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.core.ids import IMPORT_ACCOUNT
from portal.exchange.sdtm.importing.protection import split_row
from portal.exchange.sdtm.importing.study import Choices, import_study
from portal.exchange.sdtm.reading.folder import read_folder
from trials.models import Trial

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, tzinfo=UTC)
KEYS = {"STUDYID": "T1", "USUBJID": "S-1"}
DOSE = KEYS | {
    "DOMAIN": "EX",
    "EXSEQ": 1,
    "EXTRT": "XANOMELINE",
    "EXDOSE": 54,
    "EXDOSU": "mg",
    "EXROUTE": "TRANSDERMAL",
    "EXSTDTC": "2020-03-01",
    "EXENDTC": "2020-03-14",
}
ELEMENT = KEYS | {
    "DOMAIN": "SE",
    "SESEQ": 1,
    "ETCD": "HI",
    "ELEMENT": "High",
    "SESTDTC": "2020-03-01",
}
ARM_WORDS = ("Xan_Hi", "XANOMELINE", "High")


@pytest.fixture
def folder(study: Callable[..., Path], subjects: Callable[..., dict[str, Any]]) -> Path:
    person = subjects(ARMCD="Xan_Hi", ARM="High", ACTARMCD="Xan_Lo", ACTARM="Low")
    return study(dm=[person], ex=[DOSE], se=[ELEMENT])


def run(folder: Path, **choices: Any) -> None:
    by = User.objects.get(pk=IMPORT_ACCOUNT)
    import_study(read_folder(folder), Choices(**choices), by=by, at=AT)


def test_no_open_row_tells_the_arm(folder: Path) -> None:
    run(folder)
    open_text = [str(record.variables) for record in SourceRecord.objects.all()]
    open_text += [finding.message + str(finding.facts) for finding in DataFinding.objects.all()]
    assert not [text for text in open_text if any(word in text for word in ARM_WORDS)]
    assert not SourceRecord.objects.filter(file__dataset="SE").exists()


def test_exposure_is_open_as_collected(folder: Path) -> None:
    run(folder)
    exposure = Exposure.objects.get()
    assert (exposure.route, exposure.started.text) == ("TRANSDERMAL", "2020-03-01")


def test_protected_facts_are_kept_whole(folder: Path) -> None:
    run(folder)
    with unblinded():
        assert Allocation.objects.get().planned_code == "Xan_Hi"
        assert ExposureGiven.objects.get().product_name == "XANOMELINE"
        assert SubjectElement.objects.get().element_code == "HI"
        kept = {
            record.file.dataset: record.variables
            for record in ProtectedSourceRecord.objects.select_related("file")
        }
    assert kept["DM"]["ARMCD"] == "Xan_Hi"
    assert kept["EX"] == {"EXTRT": "XANOMELINE", "EXDOSE": 54, "EXDOSU": "mg"}
    assert kept["SE"]["ETCD"] == "HI"


def test_a_finding_about_arms_is_protected_and_has_no_open_address(folder: Path) -> None:
    run(folder)
    assert not DataFinding.objects.filter(rule="planned_arm_differs_from_actual").exists()
    assert not DataPoint.objects.filter(record_type="allocation").exists()
    with unblinded():
        assert ProtectedFinding.objects.get().message == ("Planned arm Xan_Hi, actual arm Xan_Lo.")


def test_the_summary_of_a_blinded_import_counts_nothing_protected(folder: Path) -> None:
    out = io.StringIO()
    call_command("import_sdtm", str(folder), stdout=out, stderr=io.StringIO())
    for word in ("protected", "planned_arm_differs_from_actual", "allocation", "subject element"):
        assert word not in out.getvalue().lower()


def test_the_blinded_role_cannot_read_what_is_protected(folder: Path) -> None:
    run(folder)
    with pytest.raises(DatabaseError), transaction.atomic():
        ProtectedSourceRecord.objects.count()


def test_an_unblinded_import_opens_the_trial_and_its_rows(folder: Path) -> None:
    run(folder, is_unblinded=True)
    assert Trial.objects.get().unblinded_at == AT
    assert SourceRecord.objects.get(file__dataset="DM").variables["ARMCD"] == "Xan_Hi"
    assert SourceRecord.objects.filter(file__dataset="SE").exists()
    assert DataFinding.objects.get().rule == "planned_arm_differs_from_actual"


@pytest.mark.parametrize(
    ("domain", "row", "is_open"),
    [
        ("SUPPDM", {"QNAM": "ITT", "QVAL": "Y"}, True),
        ("SUPPDM", {"QNAM": "KITNO", "QVAL": "17"}, False),
        ("SUPPAE", {"QNAM": "AETRTEM", "QVAL": "Y"}, True),
        ("RELREC", {"RDOMAIN": "SE"}, False),
        ("RELREC", {"RDOMAIN": "AE"}, True),
        ("PC", {"PCORRES": "12"}, False),
    ],
)
def test_whole_rows_that_tell_are_protected(
    domain: str, row: dict[str, str], is_open: bool
) -> None:
    seen, hidden = split_row(domain, row)
    assert (bool(seen), bool(hidden)) == (is_open, not is_open)
