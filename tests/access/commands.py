"""What commands tell a blinded person, and what an import by one says and makes (see surfaces)."""

import io
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command, get_commands
from django.db import transaction

from portal.core import clock
from tests.access.arms import arm_now, protected_models
from tests.access.told import Blinded, Told, masked
from tests.portal.exchange.sdtm.xpt_files import write_xpt


def _access_report(who: Blinded) -> Told:
    """Yield the report of today, as printed and as a file."""
    today = clock.now().date().isoformat()
    yield "printed", _printed("access_report", "--on", today)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.csv"
        _printed("access_report", "--on", today, "--csv", str(file))
        yield "file", masked(file.read_bytes())


def imports(who: Blinded) -> Told:
    """Yield what a blinded import says, and every open row that it makes."""
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        study(Path(folder) / "study", arm_now())
        said = _printed("import_sdtm", str(Path(folder) / "study"))
        yield "said", re.sub(rb"\d+\.\d+ s|\S*/study", b"*", said)
        yield from open_rows()
        transaction.set_rollback(True)


def study(folder: Path, arm: int) -> None:
    """Write a study in which two people are in different arms; which one in which is the arm's."""
    people, doses = [], []
    for number in (1, 2):
        high = number % 2 == arm
        subject = {"STUDYID": "SWAP", "USUBJID": f"S-{number}"}
        people.append(subject | {
            "DOMAIN": "DM", "SUBJID": f"S-{number}", "SITEID": "01", "RFSTDTC": "2020-03-01",
            "AGE": 50, "AGEU": "YEARS", "SEX": "F", "COUNTRY": "USA",
            "ARMCD": "ZQXA" if high else "ZQXB", "ARM": "ZQX high" if high else "ZQX low dose",
            "ACTARMCD": "ZQXA", "ACTARM": "ZQX high",
        })  # fmt: skip
        doses.append(subject | {
            "DOMAIN": "EX", "EXSEQ": 1, "EXROUTE": "ORAL", "EXSTDTC": "2020-03-01",
            "EXTRT": "ZQXINE" if high else "ZQXEBO", "EXDOSE": 54 if high else 81, "EXDOSU": "mg",
        })  # fmt: skip
    write_xpt(folder / "dm.xpt", "DM", people)
    write_xpt(folder / "ex.xpt", "EX", doses)


# Keys, the trail's own numbering, and digests of files that are not the same.
_NUMBERED = re.compile(r"_id$|^sequence$|digest")


def open_rows() -> Told:
    """Yield the rows of every table that is not protected, without ids, times and digests."""
    hidden = set(protected_models())
    for label in ("trials", "patients", "events"):
        for model in apps.get_app_config(label).get_models():
            # The design of a trial, with its arms and products, is no secret.
            is_design = model._meta.label in {"trials.Arm", "trials.Product"}
            if model in hidden or is_design or "History" in model.__name__:
                continue
            names = [f.attname for f in model._meta.concrete_fields if f.name != "id"]
            names = [name for name in names if not _NUMBERED.search(name)]
            rows = model._base_manager.filter(trial__number="SWAP") if _has_trial(model) else None
            if rows is not None:
                written = sorted(repr(row).encode() for row in rows.values_list(*names))
                yield model._meta.label, [_without_times(row) for row in written]


def _has_trial(model: Any) -> bool:
    return any(field.name == "trial" for field in model._meta.concrete_fields)


def _without_times(row: bytes) -> bytes:
    return masked(re.sub(rb"datetime\.datetime\([^)]*\)+", b"*", row))


@cache
def our_commands() -> dict[str, str]:
    """Return the management commands of the product: name and app."""
    return {name: app for name, app in get_commands().items() if _is_ours(app)}


def _is_ours(app: str) -> bool:
    return app.partition(".")[0] in {"portal", "trials", "patients", "events"}


COMMANDS: Mapping[str, Callable[[Blinded], Told]] = {"access_report": _access_report}
# Whoever can run these can read the machine's files; what they say is shown by other tests.
OPERATORS = {
    "import_sdtm": "imports() runs it",
    "migrate": "says which migrations ran",
    "demo": "makes its own trials and prints their accounts",
    "simulate": "speaks to the API as devices do",
    "seal_audit": "says how many rows it sealed",
    "verify_audit": "names rows by table and id, for whoever guards the trail",
    "rotate_keys": "counts personal data",
    "issue_device_tokens": "writes tokens to a file",
    "check_audit_export": "compares a file with itself and the seals",
    "import_instrument": "says which version it has stored",
    "dry_run_rule": "counts alerts over open readings",
    "outbox": "counts deliveries and names them by kind and id",
    "relay": "runs until it is stopped and prints nothing of records",
    "watch_notices": "runs until it is stopped and prints nothing of records",
    "live_relay": "runs until it is stopped and prints nothing of records",
    "sync_access": "counts index rows",
    "run_reports": "runs until it is stopped and prints nothing of records",
}


def commands(who: Blinded) -> Told:
    """Yield what every command tells that a blinded person may be shown."""
    for name, run in COMMANDS.items():
        for part, said in run(who):
            yield f"{name} {part}", said


def _printed(name: str, *arguments: str) -> bytes:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return masked(out.getvalue().encode())
