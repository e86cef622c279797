"""From the queue to the end: finished, failed, canceled, and what a process that dies leaves."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.accounts.services.users import deactivate_user
from portal.api.fields import StrictSerializer
from portal.audit.export_file import check_file
from portal.core import clock
from portal.core.errors import RuleBroken
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.documents import kinds, store
from portal.documents.kinds import ReportKind
from portal.documents.models import Report, ReportLease
from portal.documents.rules import TooManyReports
from portal.documents.runner import Runner
from portal.documents.services import running
from portal.documents.services.reports import cancel_report
from portal.documents.services.running import LeaseLost
from portal.documents.services.tidying import tidy
from portal.documents.work import Pulse, Work
from portal.notices.models import Notice
from tests.access.world import World
from tests.portal.documents.conftest import asked, file_of, run_all, told

ROOT = Path(__file__).resolve().parents[3]


class Refused(RuleBroken):
    """The data cannot be used."""

    code = "cannot_be_used"


@pytest.fixture
def kind() -> Iterator[Callable[[Callable[[Work], None]], str]]:
    """Offer a kind of the test's own."""

    def offer(make: Callable[[Work], None]) -> str:
        kinds.offer(
            ReportKind(
                code="test_work",
                title="Work",
                permission=Permission.AUDIT_ENTRY_VIEW,
                form=StrictSerializer,
                make=make,
                steps={},
            )
        )
        return "test_work"

    yield offer
    kinds._KINDS.pop("test_work", None)


def test_a_finished_export_is_a_whole_file_with_its_digest(ana: User) -> None:
    report = asked(ana)
    run_all()

    report.refresh_from_db()
    assert report.state == "finished"
    content = file_of(report).read_bytes()
    assert check_file(content.splitlines(keepends=True)) > 10
    assert (report.size, report.sha256) == (len(content), _sha256(content))
    assert report.expires_at == pytest.approx(clock.now() + timedelta(hours=24), abs=timedelta(60))
    assert file_of(report).stat().st_mode & 0o077 == 0


def test_who_asked_is_told_once_that_the_report_is_ready(ana: User) -> None:
    report = asked(ana)
    run_all()

    told = Notice.objects.get(person=ana, kind="report.ready")
    assert (told.resource, told.record_id) == ("report", report.pk)


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_an_export_holds_what_the_person_may_read_and_nothing_else(world: World) -> None:
    here, there = asked(world.people["ana"]), asked(world.people["mo"])
    run_all()
    here.refresh_from_db()
    there.refresh_from_db()
    patient = str(world.patients[0].pk).encode()

    assert patient in file_of(here).read_bytes()
    assert patient not in file_of(there).read_bytes()


def test_progress_is_numbered_without_gaps_and_ends_with_the_end(ana: User) -> None:
    report = asked(ana)
    run_all()

    lines = told(report)
    assert [number for number, _ in lines] == list(range(1, len(lines) + 1))
    assert lines[0][1] == "started"
    assert lines[-1][1] == "finished"
    assert "step" in {kind for _, kind in lines}


def test_work_that_is_refused_says_why(ana: User, kind: Any) -> None:
    def refuse(work: Work) -> None:
        raise Refused()

    report = asked(ana, kind(refuse))
    run_all()

    report.refresh_from_db()
    assert (report.state, report.failure_code) == ("failed", "cannot_be_used")
    assert report.failure == "The data cannot be used."
    assert told(report)[-1][1] == "failed"


def test_what_breaks_fails_without_its_text(ana: User, kind: Any) -> None:
    def breaks(work: Work) -> None:
        with work.writing("txt", "text/plain") as output:
            output.write(b"half")
            raise ValueError("a value of somebody")

    report = asked(ana, kind(breaks))
    run_all()

    report.refresh_from_db()
    assert report.failure_code == "internal_error"
    assert "somebody" not in report.failure
    assert list(store.folder().glob("*.txt")) == []


def test_a_full_disk_is_told_as_one(ana: User, kind: Any) -> None:
    def full(work: Work) -> None:
        raise OSError(28, "No space left on device")

    report = asked(ana, kind(full))
    run_all()

    report.refresh_from_db()
    assert report.failure_code == "no_space"


def test_what_waits_is_canceled_at_once(ana: User) -> None:
    report = asked(ana)

    canceled = cancel_report(report=report, by=ana, at=clock.now(), reason="")

    assert canceled.state == "canceled"
    assert told(report) == [(1, "canceled")]
    run_all()
    assert told(report) == [(1, "canceled")]


def test_what_runs_is_canceled_before_its_next_step(ana: User, kind: Any) -> None:
    seen = threading.Event()

    def until_canceled(work: Work) -> None:
        cancel_report(report=work.report, by=ana, at=clock.now(), reason="")
        while not seen.wait(0.01):
            work.check()

    report = asked(ana, kind(until_canceled))
    run_all()

    report.refresh_from_db()
    assert report.state == "canceled"
    assert report.cancel_requested_by == ana
    assert told(report)[-1][1] == "canceled"


def test_a_report_whose_process_died_begins_anew_when_its_lease_ends(ana: User) -> None:
    report = asked(ana)
    taken = running.take_next(at=clock.now())
    assert taken is not None
    assert running.take_next(at=clock.now()) is None

    later = clock.now() + running.LEASE + timedelta(seconds=1)
    again = running.take_next(at=later)

    assert again is not None
    assert (again[0].pk, again[0].attempts) == (report.pk, 2)
    with pytest.raises(LeaseLost):
        running.finish(taken[1], None, at=later)
    assert [kind for _, kind in told(report)] == ["started", "started"]


def test_a_report_that_kills_its_process_again_and_again_fails(ana: User) -> None:
    report = asked(ana)
    at = clock.now()
    for _ in range(3):
        assert running.take_next(at=at) is not None
        at += running.LEASE + timedelta(seconds=1)

    assert running.take_next(at=at) is None

    report.refresh_from_db()
    assert (report.state, report.failure_code) == ("failed", "process_ended")


@pytest.mark.req("F17")
@pytest.mark.parametrize("point", ["report.mid_write", "report.after_rename"])
def test_a_process_killed_while_it_writes_leaves_no_half_file(
    ana: User, point: str, own_files: Path
) -> None:
    report = asked(ana)
    killed = _run_program(own_files, FAILPOINTS=f"{point}=kill")

    assert killed.returncode == -9
    report.refresh_from_db()
    assert (report.state, report.sha256) == ("running", "")
    ReportLease.objects.update(leased_until=clock.now() - timedelta(seconds=1))
    run_all()
    report.refresh_from_db()
    assert (report.state, report.attempts) == ("finished", 2)
    content = file_of(report).read_bytes()
    assert _sha256(content) == report.sha256

    for path in store.folder().iterdir():
        os.utime(path, (1, 1))
    tidy(at=clock.now())
    assert [path.name for path in store.folder().iterdir()] == [file_of(report).name]


def _run_program(data: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run the runner as the supervisor does, until it ends."""
    return subprocess.run(
        [sys.executable, "manage.py", "run_reports"],
        cwd=ROOT,
        env=os.environ | {"PORTAL_DATA": str(data), "PORTAL_PROCESS": "reports"} | more,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_a_stopped_runner_gives_its_report_back_uncounted(ana: User, kind: Any) -> None:
    runner = Runner()

    def stops(work: Work) -> None:
        runner.stop()
        work.check()

    report = asked(ana, kind(stops))
    runner.run_next()

    report.refresh_from_db()
    assert (report.state, report.attempts) == ("queued", 0)
    assert not ReportLease.objects.exists()


def test_work_learns_that_somebody_else_has_taken_it_over(ana: User, kind: Any) -> None:
    def lost(work: Work) -> None:
        ReportLease.objects.all().delete()
        while True:
            work.check()

    report = asked(ana, kind(lost))
    Runner().run_next()

    report.refresh_from_db()
    assert (report.state, told(report)[-1][1]) == ("running", "started")


def test_who_was_switched_off_meanwhile_gets_no_report(ana: User) -> None:
    report = asked(ana)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        deactivate_user(
            user=ana, by=User.objects.get(pk=SYSTEM_ACCOUNT), at=clock.now(), reason="x"
        )
    run_all()

    report.refresh_from_db()
    assert (report.state, report.failure_code) == ("failed", "not_permitted")


def test_a_person_has_a_handful_at_work_and_no_more(ana: User) -> None:
    for _ in range(5):
        asked(ana)

    with pytest.raises(TooManyReports):
        asked(ana)


def test_the_oldest_comes_first(ana: User) -> None:
    first, second = asked(ana), asked(ana)

    taken = running.take_next(at=clock.now())

    assert taken is not None
    assert taken[0].pk == first.pk != second.pk


def test_a_file_whose_time_is_over_is_removed_and_its_row_stays(ana: User) -> None:
    report = asked(ana)
    run_all()
    report.refresh_from_db()
    os.utime(file_of(report), (1, 1))

    assert tidy(at=clock.now()) == 0
    assert tidy(at=clock.now() + timedelta(hours=25)) == 1

    assert not file_of(report).exists()
    assert Report.objects.get(pk=report.pk).sha256


def test_states_have_their_history_and_percentages_none(ana: User) -> None:
    report = asked(ana)
    run_all()

    rows = TRACKED[Report]._default_manager.filter(pgh_obj_id=report.pk).order_by("pgh_id")
    assert [(row.state, row.acted_by) for row in rows] == [
        ("queued", ana.pk),
        ("running", SYSTEM_ACCOUNT),
        ("finished", SYSTEM_ACCOUNT),
    ]


def test_percentages_that_nobody_has_seen_are_joined(ana: User) -> None:
    report = asked(ana)
    taken = running.take_next(at=clock.now())
    assert taken is not None
    pulse = Pulse(taken[1])
    work = Work(taken[0], pulse, threading.Event())
    work.step("writing")
    for done in range(100):
        work.advance(done, 100)
    with pulse:
        pass

    assert [kind for _, kind in told(report)] == ["started", "step", "percent"]
    assert report.progress.order_by("-number")[0].percent == 99
