"""Asking for reports, seeing them, canceling them, and fetching what they made."""

from base64 import b64decode
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.api.fields import StrictSerializer
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.documents import kinds
from portal.documents.kinds import ReportKind
from portal.documents.models import Report
from portal.documents.work import Work
from tests.access.world import World, bearer
from tests.portal.documents.conftest import asked, file_of, run_all
from trials.models import Assignment
from trials.services.assignments import assign_role, end_assignment

REPORTS = "/api/v1/reports/"


def post(by: User, address: str, body: dict[str, Any], **headers: str) -> Any:
    return Client().post(address, body, "application/json", headers={**bearer(by), **headers})


def get(by: User, address: str, **headers: str) -> Any:
    return Client().get(address, headers={**bearer(by), **headers})


def test_a_report_is_asked_for_and_followed_to_its_file(ana: User) -> None:
    answer = post(ana, REPORTS, {"kind": "audit_export", "parameters": {"format": "csv"}})

    assert answer.status_code == 202
    made = answer.json()
    assert (made["state"], made["percent"], made["allowed_actions"]) == ("queued", 0, ["cancel"])
    run_all()
    done = get(ana, f"{REPORTS}{made['id']}/").json()
    assert (done["state"], done["percent"], done["allowed_actions"]) == ("finished", 100, ["file"])
    listed = get(ana, REPORTS).json()["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert listed[0]["percent"] == 100


def test_the_file_comes_whole_with_its_digest_and_is_recorded(ana: User) -> None:
    report = asked(ana)
    run_all()
    report.refresh_from_db()

    answer = get(ana, f"{REPORTS}{report.pk}/file/")
    content = b"".join(answer.streaming_content)

    assert content == file_of(report).read_bytes()
    assert answer["Content-Length"] == str(len(content))
    digest = answer["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
    assert b64decode(digest).hex() == report.sha256
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"
    name = answer["Content-Disposition"]
    assert name.startswith('attachment; filename="audit_export-20')
    assert "ana" not in name
    rows = AuditEntry.objects.filter(resource="report", record_id=report.pk).order_by("id")
    assert [row.action for row in rows] == ["exported", "downloaded"]
    assert {row.acted_by for row in rows} == {ana.pk}


@pytest.mark.req("F101")
def test_a_file_is_refused_to_who_lost_a_right_that_it_holds(world: World, ana: User) -> None:
    report = asked(ana)
    run_all()
    held = Assignment.objects.get(person=ana)
    end_assignment(
        assignment=held, by=world.people["root"], at=clock.now(), reason="left the project"
    )
    assign_role(
        person=ana,
        role="cra",
        where=world.sites[1],
        from_at=clock.now(),
        by=world.people["root"],
        at=clock.now(),
    )
    ana.refresh_from_db()

    answer = get(ana, f"{REPORTS}{report.pk}/file/")

    assert (answer.status_code, answer.json()["code"]) == (403, "report_rights_changed")


@pytest.mark.req("F101")
def test_a_file_is_refused_to_who_lost_the_right_while_it_was_made(world: World, ana: User) -> None:
    is_under_way, may_go_on = Event(), Event()

    def make(work: Work) -> None:
        with work.writing("txt", "text/plain") as output:
            output.write(b"rows of a site")
            is_under_way.set()
            assert may_go_on.wait(60)

    def run() -> None:
        run_all()
        connection.close()

    code = "test_slow"
    kinds.offer(
        ReportKind(
            code=code, title="Slow", permission=Permission.AUDIT_ENTRY_VIEW,
            form=StrictSerializer, make=make, steps={},
        )
    )  # fmt: skip
    try:
        report, runner = asked(ana, code), Thread(target=run)
        runner.start()
        assert is_under_way.wait(60)
        held = Assignment.objects.get(person=ana)
        end_assignment(assignment=held, by=world.people["root"], at=clock.now(), reason="left")
        may_go_on.set()
        runner.join()
        report.refresh_from_db()
        ana.refresh_from_db()
        answer = get(ana, f"{REPORTS}{report.pk}/file/")
    finally:
        kinds._KINDS.pop(code)

    assert report.state == "finished"
    assert (answer.status_code, answer.json()["code"]) == (403, "report_rights_changed")


def test_a_file_is_its_owners_alone(world: World, ana: User, root: User) -> None:
    report = asked(ana)
    run_all()

    assert get(world.people["mo"], f"{REPORTS}{report.pk}/file/").status_code == 404
    assert get(root, f"{REPORTS}{report.pk}/file/").status_code == 403
    assert get(root, f"{REPORTS}{report.pk}/").json()["allowed_actions"] == []


def test_a_file_is_not_there_before_its_time_nor_after(ana: User) -> None:
    report = asked(ana)
    early = get(ana, f"{REPORTS}{report.pk}/file/")
    assert (early.status_code, early.json()["code"]) == (409, "report_not_ready")
    run_all()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Report.objects.filter(pk=report.pk).update(expires_at=clock.now() - timedelta(seconds=1))

    late = get(ana, f"{REPORTS}{report.pk}/file/")

    assert (late.status_code, late.json()["code"]) == (409, "report_file_gone")


def test_everybody_sees_their_own_and_who_looks_after_them_everybodys(
    world: World, ana: User, root: User
) -> None:
    report = asked(ana)

    assert get(world.people["mo"], REPORTS).json()["results"] == []
    assert get(world.people["mo"], f"{REPORTS}{report.pk}/").status_code == 404
    assert [row["id"] for row in get(root, REPORTS).json()["results"]] == [str(report.pk)]


def test_a_kind_is_refused_to_who_lacks_its_permission(root: User, ana: User) -> None:
    assert post(root, REPORTS, {"kind": "audit_export"}).status_code == 403
    assert post(ana, REPORTS, {"kind": "audit_export"}).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "nothing"}, "/kind"),
        ({"kind": "audit_export", "parameters": {"format": "exe"}}, "/parameters/format"),
        ({"kind": "audit_export", "parameters": {"path": "/etc"}}, "/parameters/path"),
        ({"kind": "audit_export", "parameters": []}, "/parameters"),
        ({}, "/kind"),
    ],
)
def test_what_no_kind_takes_is_refused_by_its_place(
    ana: User, body: dict[str, Any], pointer: str
) -> None:
    answer = post(ana, REPORTS, body)

    assert answer.status_code == 400
    assert [part["pointer"] for part in answer.json()["errors"]] == [pointer]


def test_a_request_that_is_repeated_asks_once(ana: User) -> None:
    key = str(uuid4())
    first = post(ana, REPORTS, {"kind": "audit_export"}, **{"idempotency-key": key})
    again = post(ana, REPORTS, {"kind": "audit_export"}, **{"idempotency-key": key})

    assert again["Idempotency-Replayed"] == "true"
    assert first.json()["id"] == again.json()["id"]
    assert Report.objects.count() == 1


def test_canceling_needs_the_version_and_for_others_a_reason(ana: User, root: User) -> None:
    report = asked(ana)
    address = f"{REPORTS}{report.pk}/cancel/"

    assert post(ana, address, {}).status_code == 428
    assert post(ana, address, {}, **{"if-match": '"7"'}).status_code == 412
    assert post(root, address, {}, **{"if-match": '"1"'}).json()["code"] == "change_reason_required"
    body = {"change_reason": "asked for by mistake"}
    answer = post(root, address, body, **{"if-match": '"1"'})
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    late = post(ana, address, {}, **{"if-match": answer["ETag"]})
    assert (late.status_code, late.json()["code"]) == (409, "report_ended")


def test_progress_is_told_although_the_version_stays(ana: User) -> None:
    report = asked(ana)
    known = {"if-none-match": '"1"'}

    assert get(ana, f"{REPORTS}{report.pk}/", **known).status_code == 200
    run_all()
    tag = get(ana, f"{REPORTS}{report.pk}/")["ETag"]
    assert get(ana, f"{REPORTS}{report.pk}/", **{"if-none-match": tag}).status_code == 304
