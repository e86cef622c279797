"""The command: its refusals are one line each, its summary is for people."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from patients.models import SourceRecord
from trials.models import Assignment, Trial

pytestmark = pytest.mark.django_db


def run(folder: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_sdtm", str(folder), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_summary_names_datasets_records_and_findings(study: Callable[..., Path]) -> None:
    said = run(study())
    assert "Rows per dataset" in said
    assert "Findings per rule" in said
    assert "Trial T1 imported: 1 rows." in said


def test_a_second_run_says_that_nothing_changed(study: Callable[..., Path]) -> None:
    folder = study()
    run(folder)
    assert "no change" in run(folder)


def test_a_dry_run_says_so(study: Callable[..., Path]) -> None:
    assert "dry run" in run(study(), "--dry-run")
    assert not Trial.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--zone", "Mars/Olympus"), "time zone"),
        (("--by", "nobody"), "no active account"),
        (("--assign", "import"), "USERNAME:ROLE"),
        (("--assign", "import:emperor"), "USERNAME:ROLE"),
        (("--assign", "import:principal_investigator"), "whole trial"),
        (("--assign", "nobody:inspector"), "no active account"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_read(
    study: Callable[..., Path], options: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        run(study(), *options)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no such folder"):
        run(tmp_path / "nowhere")


def test_a_damaged_file_leaves_nothing_behind(study: Callable[..., Path]) -> None:
    folder = study()
    content = (folder / "dm.xpt").read_bytes()
    (folder / "zz.ndjson").write_bytes(
        b'{"datasetJSONVersion": "1.1.0", "records": 2, "name": "XX", "columns": '
        b'[{"name": "USUBJID", "dataType": "string"}]}\n["S-1"]\n'
    )
    with pytest.raises(CommandError, match=r"zz\.ndjson, row 2"):
        run(folder)
    assert not Trial.objects.exists()
    assert not SourceRecord.objects.exists()
    assert (folder / "dm.xpt").read_bytes() == content


def test_a_role_is_given_with_the_trial(study: Callable[..., Path], settings: object) -> None:
    from portal.accounts.models import User
    from portal.core.history import acting
    from portal.core.ids import SYSTEM_ACCOUNT

    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        User.objects.create(username="maria", display_name="Maria")
    run(study(), "--assign", "maria:data_manager")
    assignment = Assignment.objects.get()
    assert (assignment.person.username, assignment.role) == ("maria", "data_manager")
    assert assignment.trial == Trial.objects.get()
