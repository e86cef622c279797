"""Who is told of alerts that climb no ladder, and of uploads that were set aside."""

from datetime import datetime, timedelta
from uuid import UUID

from patients.models import Alert, QuarantinedSubmission
from patients.vocabulary import RuleKind
from portal.notices.kinds import NoticeKind
from portal.notices.models import Notice
from portal.notices.services.escalating import climb
from portal.notices.services.telling import About, tell

# How far back a round looks; one that did not run for a while loses nothing of the last day.
_LOOKS_BACK = timedelta(days=1)


def tell_of_alert(*, alert: UUID, at: datetime) -> None:
    """Let a medical alert climb at once; tell the site of diaries that were missed."""
    climb(resource="alert", record=alert, at=at)
    row = Alert.objects.select_related("patient").get(pk=alert)
    if row.kind != RuleKind.MISSING_DIARIES:
        return
    tell(
        kind=NoticeKind.DIARY_MISSED,
        about=About(
            resource="alert",
            record=row.pk,
            trial=row.trial_id,
            site=row.site_id,
            patient=row.patient_id,
            subject_number=row.patient.subject_number,
        ),
        occasion=f"fired {row.last_fired_at.isoformat()}",
        at=at,
    )


def tell_of_quarantine(*, at: datetime) -> int:
    """Tell sites of uploads that were set aside, once a day for each patient; return how many.

    A sender that repeats a refused upload all day is one notice.
    """
    rows = (
        QuarantinedSubmission.objects.filter(received_at__gt=at - _LOOKS_BACK, site__isnull=False)
        .select_related("patient", "site")
        .order_by("received_at", "id")
    )
    told: set[tuple[object, object, str]] = set()
    for row in rows:
        day = row.received_at.date().isoformat()
        key = (row.site_id, row.patient_id, day)
        if key in told or _is_told(row, day):
            continue
        told.add(key)
        tell(
            kind=NoticeKind.SUBMISSION_QUARANTINED,
            about=About(
                resource="quarantined_submission",
                record=row.pk,
                trial=row.trial_id,
                site=row.site_id,
                patient=row.patient_id,
                subject_number=_subject(row),
            ),
            occasion=day,
            at=at,
        )
    return len(told)


def _is_told(row: QuarantinedSubmission, day: str) -> bool:
    return Notice.objects.filter(
        kind=NoticeKind.SUBMISSION_QUARANTINED,
        site_id=row.site_id,
        patient_id=row.patient_id,
        occasion=day,
    ).exists()


def _subject(row: QuarantinedSubmission) -> str:
    if row.patient is not None:
        return row.patient.subject_number
    assert row.site is not None
    return row.site.code
