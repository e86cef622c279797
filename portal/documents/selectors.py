"""Which reports somebody sees, and what they may do with one."""

from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from portal.access.permissions import Permission
from portal.access.scoping import may, visible
from portal.accounts.models import User
from portal.documents.kinds import find_kind, reading, still_reads
from portal.documents.models import Report, ReportProgress
from portal.documents.rules import ReportFileGone, ReportNotReady, RightsChanged
from portal.documents.vocabulary import ReportState


def reports_seen_by(user: User) -> QuerySet[Report]:
    """Return one's own reports, and everybody's for those who look after them."""
    others = visible(Report.objects.all(), user, Permission.REPORT_VIEW).values("pk")
    return Report.objects.filter(Q(requested_by=user) | Q(pk__in=others))


def with_progress(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Add `percent` and `step` of the newest line of progress."""
    newest = ReportProgress.objects.filter(report=OuterRef("pk")).order_by("-number")
    return reports.annotate(
        percent=Subquery(newest.values("percent")[:1]), step=Subquery(newest.values("step")[:1])
    )


def may_cancel(user: User, report: Report) -> bool:
    """Whether `user` may cancel a report: it is theirs, or they look after everybody's."""
    return report.requested_by_id == user.pk or may(user, Permission.REPORT_CANCEL, report)


def check_fetch(user: User, report: Report, at: datetime) -> None:
    """Refuse the file to everybody but the one who asked for it and may still read all of it.

    Source: the rights are those of now, not of when it was made (ASVS 5.0 8.3.2).
    Raises: RightsChanged, ReportNotReady, ReportFileGone.
    """
    if report.requested_by_id != user.pk:
        raise RightsChanged()
    if report.state != ReportState.FINISHED or not report.sha256:
        raise ReportNotReady()
    assert report.expires_at is not None
    if report.expires_at <= at:
        raise ReportFileGone()
    now = reading(user, find_kind(report.kind))
    if not now or not still_reads(now, report.held):
        raise RightsChanged()


def may_fetch(user: User, report: Report, at: datetime) -> bool:
    """Whether `user` gets the file now."""
    try:
        check_fetch(user, report, at)
    except (RightsChanged, ReportNotReady, ReportFileGone):
        return False
    return True
