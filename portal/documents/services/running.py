"""From the queue to the end of a report: take it, keep it, finish it, give it back.

The row is the queue. Whoever works at a report holds a lease, told alive every few seconds from a
connection of its own; a lease that ended means a process that died, and the report begins anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from portal.access.scoping import may
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.documents import rules, store
from portal.documents.kinds import UnknownKind, find_kind, reading
from portal.documents.models import Report, ReportLease
from portal.documents.services.progress import tell
from portal.documents.store import Output
from portal.documents.vocabulary import ReportState, Told
from portal.notices.kinds import NoticeKind
from portal.notices.services import telling

LEASE = timedelta(seconds=30)
FILE_KEPT = timedelta(hours=24)
# Codes of failures that are no refusal of a service, with what a reader is told.
FAILURES = {
    "process_ended": "The process that made it ended again and again. Ask for it once more, or "
    "tell your administrator.",
    "not_permitted": "The person who asked may not have this report any more.",
    "no_space": "There is no space left on the portal's disk. Tell your administrator.",
    "internal_error": "Something failed on our side. The failure has been recorded.",
}


class LeaseLost(Exception):
    """Somebody else works at this report now, or it has ended."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work at a report."""

    report: UUID
    token: UUID


def take_next(*, at: datetime) -> tuple[Report, Lease] | None:
    """Take the oldest report that nobody works at, or return None.

    What was canceled, died too often or is no longer allowed ends here. Locks: the report's row;
    rows that others hold are passed over.
    """
    while True:
        with acting(by=SYSTEM_ACCOUNT, at=at, reason="runs"):
            alive = ReportLease.objects.filter(leased_until__gt=at).values("report")
            waiting = Q(state=ReportState.QUEUED) | (
                Q(state=ReportState.RUNNING) & ~Q(pk__in=alive)
            )
            rows = Report.objects.select_for_update(of=("self",), skip_locked=True)
            report = (
                rows.filter(waiting)
                .select_related("requested_by", "upload")
                .order_by("created_at", "id")
                .first()
            )
            if report is None:
                return None
            ReportLease.objects.filter(report=report).delete()
            if not _ended_before_it_began(report, at):
                return report, _begin(report, at)


def _ended_before_it_began(report: Report, at: datetime) -> bool:
    if report.cancel_requested_at is not None:
        _end(report, ReportState.CANCELED, Told.CANCELED, at)
    elif report.attempts >= rules.MOST_ATTEMPTS:
        _fail(report, "process_ended", "", at)
    elif not _is_allowed(report):
        _fail(report, "not_permitted", "", at)
    else:
        return False
    return True


def _is_allowed(report: Report) -> bool:
    try:
        kind = find_kind(report.kind)
    except UnknownKind:
        return False
    return may(report.requested_by, kind.permission)


def _begin(report: Report, at: datetime) -> Lease:
    report.state, report.started_at = ReportState.RUNNING, at
    report.attempts += 1
    report.held = reading(report.requested_by, find_kind(report.kind))
    report.save()
    lease = ReportLease.objects.create(report=report, token=uuid7(), leased_until=at + LEASE)
    tell(report, Told.STARTED, at=at)
    return Lease(report.pk, lease.token)


def keep(lease: Lease, *, at: datetime) -> bool:
    """Say that the work goes on; tell whether it was canceled. Raises: LeaseLost."""
    rows = ReportLease.objects.filter(report=lease.report, token=lease.token)
    if not rows.update(leased_until=at + LEASE):
        raise LeaseLost()
    return Report.objects.filter(pk=lease.report, cancel_requested_at__isnull=False).exists()


def held(lease: Lease) -> Report:
    """Return the report that is worked at, its row locked. Raises: LeaseLost."""
    report = Report.objects.select_for_update().get(pk=lease.report)
    if not ReportLease.objects.filter(report=report, token=lease.token).exists():
        raise LeaseLost()
    return report


def finish(lease: Lease, output: Output | None, *, at: datetime) -> Report:
    """Give the file its name, say that the report is finished, and tell who asked for it.

    Raises: LeaseLost.
    """
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="finished"):
        report = held(lease)
        if output is not None:
            store.publish(report.pk, output)
            report.content_type, report.extension = output.content_type, output.extension
            report.sha256, report.size = output.sha256, output.size
            report.expires_at = at + FILE_KEPT
        _end(report, ReportState.FINISHED, Told.FINISHED, at, percent=100)
        about = telling.About(
            resource="report", record=report.pk, trial=report.trial_id, number=report.kind
        )
        telling.tell(
            kind=NoticeKind.REPORT_READY, about=about, people=[report.requested_by_id], at=at
        )
    return report


def cancel(lease: Lease, *, at: datetime) -> None:
    """Say that the work has stopped because somebody wanted it to. Raises: LeaseLost."""
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="canceled"):
        _end(held(lease), ReportState.CANCELED, Told.CANCELED, at)


def fail(lease: Lease, code: str, words: str = "", *, at: datetime) -> None:
    """Say why there is no report. Raises: LeaseLost."""
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="failed"):
        _fail(held(lease), code, words, at)


def give_back(lease: Lease, *, at: datetime) -> None:
    """Put the report back into the queue, as if it had not begun. Raises: LeaseLost."""
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="given back"):
        report = held(lease)
        report.state = ReportState.QUEUED
        report.attempts -= 1
        report.save()
        ReportLease.objects.filter(report=report).delete()


def _fail(report: Report, code: str, words: str, at: datetime) -> None:
    report.failure_code = code[:60]
    report.failure = words or FAILURES.get(code, FAILURES["internal_error"])
    _end(report, ReportState.FAILED, Told.FAILED, at)


def _end(
    report: Report, state: ReportState, told: Told, at: datetime, *, percent: int | None = None
) -> None:
    report.state = state
    report.finished_at = max(at, report.started_at or at)
    report.save()
    ReportLease.objects.filter(report=report).delete()
    tell(report, told, at=clock.now(), percent=percent)
