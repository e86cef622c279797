"""A report that cannot be processed is failed with a reason, never dropped, and run again.

From the phone to the end: what the coordinator reads, the repair, and both ways to run it again.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from patients.models import DiaryAnswer, EproReport, ReportProcessing, VitalSign, VitalsUpload
from portal.core import failpoints
from portal.outbox import leases
from portal.outbox.drain import drain_outbox
from portal.outbox.kinds import Lane
from tests.access.world import bearer, make_person
from tests.patients.intake.phones import DEFINITION, Ward, reading, report
from tests.portal.desk.test_lists import address
from tests.portal.desk.world import signed_in
from tests.portal.outbox.kit import let_time_pass

API = "/api/v1/"
Break = Callable[[Ward, dict[str, Any]], None]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def upload(ward: Ward, body: dict[str, Any], kind: str = "epro-reports") -> None:
    """Send it as the phone does."""
    answer = Client().post(
        f"{API}intake/{kind}/",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {ward.token}"},
    )
    assert answer.status_code == 202, answer.content


def drain_to_the_end() -> None:
    for _ in range(leases.MOST_ATTEMPTS + 1):
        drain_outbox()
        let_time_pass()


def of_a_version_that_nobody_imported(ward: Ward, body: dict[str, Any]) -> None:
    upload(ward, body | {"instrument_version": "2.0"})
    drain_to_the_end()


def with_a_fault_in_the_pipeline(ward: Ward, body: dict[str, Any]) -> None:
    upload(ward, body)
    failpoints.arm("pipeline.before_write=raise")
    drain_to_the_end()


def that_ends_the_process(ward: Ward, body: dict[str, Any]) -> None:
    upload(ward, body)
    for _ in range(leases.MOST_UNENDED + 1):
        for chunk in leases.lease(Lane.ORDINARY, 100):
            # What a kill leaves: the attempt is counted, and nothing else happened.
            leases.start(chunk.ids, chunk.token)
        let_time_pass()


def repair(ward: Ward, folder: Path) -> None:
    """Import the version that was missing, and take the fault out of the pipeline."""
    file = folder / "diary.json"
    told = {"code": "daily-diary", "version": "2.0", "title": "Diary", "definition": DEFINITION}
    file.write_text(json.dumps(told))
    call_command("import_instrument", str(file), "--reason", "was missing", verbosity=0)
    failpoints.arm("")


def by_the_api(ward: Ward, found: EproReport) -> None:
    headers = bearer(ward.coordinator)
    path = f"{API}epro-reports/{found.pk}/run-again/"
    post = {"content_type": "application/json"}
    assert Client().post(path, {}, headers=headers, **post).json()["code"] == (
        "change_reason_required"
    )
    reasoned = headers | {"x-change-reason": "imported"}
    assert Client().post(path, {}, headers=reasoned, **post).status_code == 428
    matched = reasoned | {"if-match": f'"{found.version}"'}
    answer = Client().post(path, {}, headers=matched, **post)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")


def at_the_desk(ward: Ward, found: EproReport) -> None:
    browser = signed_in(ward.coordinator)
    row = ReportProcessing.objects.get(report=found)
    listed = browser.get(address(ReportProcessing, "changelist"), {"status__exact": "failed"})
    assert row.last_error in listed.text
    sent = {"run_again": "on", "change_reason": "imported", "_save": "Save"}
    page = address(ReportProcessing, "change", row.pk)
    assert browser.post(page, sent | {"change_reason": ""}).status_code == 200
    assert ReportProcessing.objects.get(report=found).status == "failed"
    assert browser.post(page, sent).status_code == 302


@pytest.mark.parametrize("run_again", [by_the_api, at_the_desk])
@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (of_a_version_that_nobody_imported, "Version 2.0 of the instrument daily-diary is not"),
        (with_a_fault_in_the_pipeline, "The portal could not process it"),
        pytest.param(
            that_ends_the_process, "tried several times", marks=pytest.mark.req("F49")
        ),
    ],
)  # fmt: skip
def test_report_that_fails_says_why_and_is_run_again_after_the_repair(
    ward: Ward,
    tmp_path: Path,
    break_it: Break,
    reason: str,
    run_again: Callable[[Ward, EproReport], None],
) -> None:
    break_it(ward, report(ward.patient))

    staff = bearer(ward.coordinator)
    listed = Client().get(
        f"{API}patients/{ward.patient.pk}/epro-reports/?status=failed", headers=staff
    )
    assert [row["status"] for row in listed.json()["results"]] == ["failed"]
    found = EproReport.objects.get()
    told = Client().get(f"{API}intake/epro-reports/{found.pk}/", headers=staff).json()
    assert told["status"] == "failed"
    assert reason in told["last_error"]
    assert not DiaryAnswer.objects.exists()

    repair(ward, tmp_path)
    run_again(ward, found)
    drain_to_the_end()

    told = Client().get(f"{API}intake/epro-reports/{found.pk}/", headers=staff).json()
    assert (told["status"], told["last_error"]) == ("processed", "")
    assert DiaryAnswer.objects.filter(report=found).count() == len(DEFINITION["items"])
    assert VitalSign.objects.filter(report=found).count() == 1
    assert bytes(EproReport.objects.get().raw) == bytes(found.raw)


def test_readings_that_end_the_process_are_failed_and_run_again_at_the_desk(ward: Ward) -> None:
    body = report(ward.patient)
    readings = {name: body[name] for name in ("submission_id", "patient")} | {
        "readings": [reading()]
    }
    upload(ward, readings, "vitals")
    for _ in range(leases.MOST_UNENDED + 1):
        for chunk in leases.lease(Lane.ORDINARY, 100):
            leases.start(chunk.ids, chunk.token)
        let_time_pass()
    row = ReportProcessing.objects.get(vitals_upload=VitalsUpload.objects.get())
    assert row.status == "failed"

    page = address(ReportProcessing, "change", row.pk)
    sent = {"run_again": "on", "change_reason": "new version", "_save": "Save"}
    assert signed_in(ward.coordinator).post(page, sent).status_code == 302
    drain_to_the_end()
    assert ReportProcessing.objects.get().status == "processed"
    assert VitalSign.objects.filter(vitals_upload__isnull=False).count() == 1


def test_who_may_not_run_a_report_again_is_refused(ward: Ward, tmp_path: Path) -> None:
    of_a_version_that_nobody_imported(ward, report(ward.patient))
    found = EproReport.objects.get()
    path = f"{API}epro-reports/{found.pk}/run-again/"
    other = make_person(ward.world, "elsewhere", "principal_investigator", ward.elsewhere.site)
    asked = {"x-change-reason": "please", "if-match": f'"{found.version}"'}
    answers = [
        Client().post(path, {}, content_type="application/json", headers=bearer(one) | asked)
        for one in (ward.monitor, other)
    ]
    assert [answer.status_code for answer in answers] == [403, 404]
    assert ReportProcessing.objects.get(report=found).status == "failed"


def test_what_is_processed_is_not_run_again_at_the_desk(ward: Ward) -> None:
    upload(ward, report(ward.patient))
    drain_outbox()
    row = ReportProcessing.objects.get()
    assert row.status == "processed"
    sent = {"run_again": "on", "change_reason": "once more", "_save": "Save"}
    page = address(ReportProcessing, "change", row.pk)
    assert signed_in(ward.coordinator).post(page, sent).status_code == 403
