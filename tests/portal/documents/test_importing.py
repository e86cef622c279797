"""A study as an uploaded ZIP file: imported whole, canceled whole, refused when it is a trap."""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.core import clock
from portal.documents import archives, store
from portal.documents.archives import ArchiveRefused, Limits, unpack
from portal.documents.models import Report
from portal.documents.services.reports import cancel_report
from tests.access.world import World, bearer
from tests.portal.documents.conftest import file_of, run_all
from tests.portal.exchange.sdtm.xpt_files import write_xpt
from trials.models import Trial

UPLOADS = "/api/v1/reports/uploads/"
REPORTS = "/api/v1/reports/"


def study(folder: Path) -> bytes:
    """Return a small study as a ZIP file."""
    people = [
        {
            "STUDYID": "ZIPPED", "DOMAIN": "DM", "USUBJID": f"Z-{n}", "SUBJID": f"Z-{n}",
            "SITEID": "01", "RFSTDTC": "2020-03-01", "AGE": 50, "AGEU": "YEARS", "SEX": "F",
            "COUNTRY": "USA", "ARMCD": "A", "ARM": "Arm A", "ACTARMCD": "A", "ACTARM": "Arm A",
        }
        for n in (1, 2)
    ]  # fmt: skip
    write_xpt(folder / "made" / "dm.xpt", "DM", people)
    return zipped({"study/dm.xpt": (folder / "made" / "dm.xpt").read_bytes(), "readme.txt": b"x"})


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def upload(by: User, content: bytes, kind: str = "application/zip", **headers: str) -> Any:
    return Client().generic("POST", UPLOADS, content, kind, headers={**bearer(by), **headers})


def ask(by: User, **parameters: Any) -> Any:
    sent = {"kind": "sdtm_import", "parameters": parameters}
    return Client().post(REPORTS, sent, "application/json", headers=bearer(by))


def test_a_study_is_sent_imported_and_summed_up(root: User, tmp_path: Path) -> None:
    sent = upload(root, study(tmp_path))
    assert sent.status_code == 201, sent.content
    asked = ask(root, upload=sent.json()["id"], trial_number="Z-1")
    assert asked.status_code == 202, asked.content
    run_all()

    report = Report.objects.get(pk=asked.json()["id"])
    assert (report.state, report.failure) == ("finished", "")
    assert Trial.objects.filter(number="Z-1").exists()
    summary = json.loads(file_of(report).read_bytes())
    assert (summary["trial"], summary["datasets"]) == ("Z-1", {"DM": 2})
    assert list(store.folder("work").iterdir()) == []


def test_an_import_that_is_run_again_changes_nothing(root: User, tmp_path: Path) -> None:
    """What a runner that died after the import's commit leaves to the next one."""
    sent = upload(root, study(tmp_path)).json()["id"]
    for _ in range(2):
        ask(root, upload=sent)
        run_all()

    first, second = Report.objects.order_by("created_at")
    assert json.loads(file_of(first).read_bytes())["is_unchanged"] is False
    assert json.loads(file_of(second).read_bytes())["is_unchanged"] is True


def test_an_import_that_is_canceled_leaves_nothing(
    root: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = ask(root, upload=upload(root, study(tmp_path)).json()["id"]).json()["id"]
    real = archives.unpack

    def unpack_slowly(*args: Any, **named: Any) -> int:
        real(*args, **named)
        row = Report.objects.get(pk=report)
        cancel_report(report=row, by=root, at=clock.now(), reason="")
        while True:
            named["check"]()

    monkeypatch.setattr("portal.exchange.report_kinds.unpack", unpack_slowly)
    run_all()

    assert Report.objects.get(pk=report).state == "canceled"
    assert not Trial.objects.filter(number="ZIPPED").exists()
    assert list(store.folder("work").iterdir()) == []


def test_what_is_no_study_says_so_without_our_folders(root: User) -> None:
    report = ask(root, upload=upload(root, zipped({"readme.txt": b"x"})).json()["id"]).json()["id"]
    run_all()

    row = Report.objects.get(pk=report)
    assert (row.state, row.failure_code) == ("failed", "source_folder_empty")
    assert str(store.folder("work")) not in row.failure


def test_a_file_is_used_by_its_owner_alone(world: World, root: User, tmp_path: Path) -> None:
    assert upload(world.people["ana"], study(tmp_path)).status_code == 403
    sent = upload(root, study(tmp_path)).json()["id"]
    refused = ask(root, upload="01890000-0000-7000-8000-00000000dead")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_upload")
    assert ask(world.people["ana"], upload=sent).status_code == 400


def test_a_file_that_is_sent_twice_under_one_key_is_kept_once(root: User, tmp_path: Path) -> None:
    key = {"idempotency-key": "0190a0a0-0000-7000-8000-000000000001"}
    content = study(tmp_path)
    first, again = upload(root, content, **key), upload(root, content, **key)

    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    other = upload(root, zipped({"a.txt": b"b"}), **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_a_file_that_is_too_large_or_empty_or_no_zip_is_refused(root: User, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1000
    assert upload(root, b"x" * 1001).status_code == 413
    assert upload(root, b"").status_code == 400
    assert upload(root, b"{}", "application/json").status_code == 415
    assert list(store.folder("uploads").glob("*")) == [] or all(
        path.stat().st_size == 0 for path in store.folder("uploads").glob("*")
    )


def _linked() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("dm.xpt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return made.getvalue()


def _flagged() -> bytes:
    content = bytearray(zipped({"dm.xpt": b"x"}))
    at = content.rfind(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


def _many() -> bytes:
    content = bytearray(zipped({"dm.xpt": b"x"}))
    at = content.rfind(b"PK\x05\x06")
    content[at + 8 : at + 12] = struct.pack("<HH", 65_000, 65_000)
    return bytes(content)


@pytest.mark.req("F91")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"not a zip file at all",
        zipped({"../dm.xpt": b"x"}),
        zipped({"/etc/dm.xpt": b"x"}),
        zipped({"a\\..\\dm.xpt": b"x"}),
        zipped({"c:dm.xpt": b"x"}),
        zipped({"a/inner.zip": zipped({"dm.xpt": b"x"})}),
        zipped({"dm.xpt": b"x", "DM.XPT": b"y"}),
        zipped({f"{n}.xpt": b"" for n in range(archives.MOST_FILES + 1)}),
        zipped({"dm.xpt": bytes(60 * 1024 * 1024)}),
        zipped({"dm.dsjc": zlib.compress(bytes(120 * 1024 * 1024))}),
        zipped({"dm.xpt": b"x"})[:-30],
        _linked(),
        _flagged(),
        _many(),
    ],
    ids=[
        "empty", "cut off", "no zip", "parent", "absolute", "backslash", "drive", "nested",
        "one name twice", "too many", "bomb", "bomb inside", "damaged", "link", "encrypted",
        "a hundred thousand",
    ],
)  # fmt: skip
def test_F091_a_trap_is_refused_before_anything_leaves_its_folder(
    tmp_path: Path, content: bytes
) -> None:
    source, into = tmp_path / "a.zip", tmp_path / "into"
    source.write_bytes(content)
    into.mkdir()

    with pytest.raises(ArchiveRefused):
        unpack(source, into, suffixes={".xpt", ".dsjc"}, limits=Limits(100 * 1024 * 1024))

    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) < 1_000_000
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "into"}
