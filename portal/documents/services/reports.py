"""Ask for a report, cancel it, fetch its file."""

from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.access.scoping import may
from portal.accounts.models import User
from portal.audit.record import Action, record
from portal.core.errors import FieldError, InvalidInput, NotPermitted
from portal.core.history import acting, circumstances
from portal.documents import rules, store
from portal.documents.kinds import find_kind
from portal.documents.models import Report, ReportUpload
from portal.documents.selectors import check_fetch
from portal.documents.services.progress import tell, wake
from portal.documents.vocabulary import OPEN, ReportState, Told

UPLOAD_KEPT = timedelta(hours=24)


class UnknownUpload(InvalidInput):
    """You have sent no such file, or its day is over: send it again."""

    code = "unknown_upload"


def ask_for_report(
    *,
    kind: str,
    parameters: Mapping[str, Any],
    upload: ReportUpload | None = None,
    trial_id: UUID | None = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> Report:
    """Queue a report; whether `by` may have it is asked now, when it is made, and at its file.

    Locks: the person's row, so that the limit holds for requests at once.
    Raises: UnknownKind, NotPermitted, TooManyReports.
    """
    wanted = find_kind(kind)
    if not may(by, wanted.permission):
        raise NotPermitted()
    with acting(by=by, at=at, reason=reason or "asked for"):
        User.objects.select_for_update().get(pk=by.pk)
        if Report.objects.filter(requested_by=by, state__in=OPEN).count() >= (
            rules.MOST_OPEN_PER_PERSON
        ):
            raise rules.TooManyReports()
        report = Report.objects.create(
            kind=kind,
            parameters=dict(parameters),
            upload=upload,
            trial_id=trial_id,
            requested_by=by,
            created_at=at,
        )
        wake()
    return report


def keep_upload(*, upload: UUID, sha256: str, size: int, by: User, at: datetime) -> ReportUpload:
    """Write down whose a file is that came, and that it is to be used within a day."""
    with acting(by=by, at=at, reason="uploaded"):
        return ReportUpload.objects.create(
            pk=upload,
            uploaded_by=by,
            sha256=sha256,
            size=size,
            expires_at=at + UPLOAD_KEPT,
            created_at=at,
        )


def usable_upload(*, upload: UUID, by: User, at: datetime) -> ReportUpload:
    """Return a file that `by` has sent and that is still there. Raises: UnknownUpload."""
    found = ReportUpload.objects.filter(pk=upload, uploaded_by=by, expires_at__gt=at).first()
    if found is None or not store.path_of_upload(upload).is_file():
        detail = str(UnknownUpload.__doc__)
        raise UnknownUpload(errors=(FieldError("/parameters/upload", UnknownUpload.code, detail),))
    return found


def cancel_report(*, report: Report, by: User, at: datetime, reason: str) -> Report:
    """Cancel a report: at once while it waits, before its next step while it runs.

    What has ended by then stays. Locks: the report's row. Raises: ReportEnded.
    """
    with acting(by=by, at=at, reason=reason or "canceled"):
        held = Report.objects.select_for_update().get(pk=report.pk)
        rules.check_open(held.state)
        if held.cancel_requested_at is None:
            held.cancel_requested_at, held.cancel_requested_by = at, by
        if held.state == ReportState.QUEUED:
            held.state, held.finished_at = ReportState.CANCELED, at
        held.save()
        if held.state == ReportState.CANCELED:
            tell(held, Told.CANCELED, at=at)
        else:
            wake()
        held.refresh_from_db()
    return held


def fetch_file(*, report: Report, by: User, at: datetime) -> Generator[bytes, None, None]:
    """Return the parts of a report's file; that it was fetched, and to its end, is recorded.

    Source: ICH E6(R3) 4.2.2(a)(iii). Raises: RightsChanged, ReportNotReady, ReportFileGone.
    """
    check_fetch(by, report, at)
    path = store.path_of(report.pk, report.extension)
    if not path.is_file():
        raise rules.ReportFileGone()
    begun = record(
        Action.EXPORTED,
        by=by,
        at=at,
        resource="report",
        record_id=report.pk,
        trial_id=report.trial_id,
        detail={"kind": report.kind, "sha256": report.sha256, "size": report.size},
    )
    return _sent(report, by, at, begun.pk)


def _sent(report: Report, by: User, at: datetime, begun: int) -> Generator[bytes, None, None]:
    edge = circumstances.get()
    yield from store.parts_of(store.path_of(report.pk, report.extension))
    held = circumstances.set(edge)
    try:
        record(
            Action.DOWNLOADED,
            by=by,
            at=at,
            resource="report",
            record_id=report.pk,
            trial_id=report.trial_id,
            detail={"begun": begun, "sha256": report.sha256},
        )
    finally:
        circumstances.reset(held)
