"""Serious adverse events climb the regulatory ladder; those who know of one hear what is new."""

from datetime import datetime
from uuid import UUID

from events.models import AdverseEvent
from portal.notices.kinds import NoticeKind
from portal.notices.services.escalating import Start, climb, start
from portal.notices.services.telling import About, tell


def about_event(event: AdverseEvent) -> About:
    """Return what a notice says of an event: numbers, never its term."""
    return About(
        resource="adverse_event",
        record=event.pk,
        trial=event.trial_id,
        site=event.site_id,
        patient=event.patient_id,
        subject_number=event.patient.subject_number,
        number=str(event.number),
    )


def escalate_serious(event: AdverseEvent, *, at: datetime) -> None:
    """Let a serious event climb its ladder, in the transaction that made it serious.

    Once: a serious event that is amended goes on as it does. Source: domain.md 8, ICH E2A.
    """
    if event.is_serious and not event.is_nullified:
        start([Start(NoticeKind.ADVERSE_EVENT_SERIOUS, about_event(event))], at=at)


def tell_of_report(*, adverse_event: UUID, at: datetime) -> None:
    """Tell those whom the ladder names first, at once; the watcher would within a second."""
    climb(resource="adverse_event", record=adverse_event, at=at)


def tell_of_amendment(*, adverse_event: UUID, ordinal: int, at: datetime) -> None:
    """Tell once of each new version of a serious event; one that became serious climbs."""
    climb(resource="adverse_event", record=adverse_event, at=at)
    event = AdverseEvent.objects.select_related("patient").get(pk=adverse_event)
    if event.is_serious:
        tell(
            kind=NoticeKind.ADVERSE_EVENT_FOLLOW_UP,
            about=about_event(event),
            occasion=f"version {ordinal}",
            at=at,
        )
