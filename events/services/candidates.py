"""Candidate adverse events: suggested by an alert, decided by a physician."""

from datetime import datetime
from uuid import UUID

from events.models import AdverseEvent, CandidateAdverseEvent
from events.vocabulary import CandidateState
from patients.models import Alert
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.accounts.models import User
from portal.core.errors import InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.core.ids import PIPELINE_ACCOUNT


class IsDecided(RuleBroken):
    """The candidate has been decided."""

    code = "candidate_decided"


class OfAnotherPatient(RuleBroken):
    """The adverse event is another patient's."""

    code = "adverse_event_of_another_patient"


def suggest_candidate(
    *, alert_id: UUID, by: UUID = PIPELINE_ACCOUNT, at: datetime, reason: str = "alert raised"
) -> None:
    """Put an alert before a physician as a possible adverse event, once."""
    alert = Alert.objects.select_related("rule").get(pk=alert_id)
    candidate = CandidateAdverseEvent(
        created_at=at,
        patient_id=alert.patient_id,
        trial_id=alert.trial_id,
        site_id=alert.site_id,
        alert=alert,
        suggested_term=alert.rule.name,
        noticed_at=alert.observed_at,
    )
    with acting(by=by, at=at, reason=reason):
        CandidateAdverseEvent.objects.bulk_create([candidate], ignore_conflicts=True)


def confirm_candidate(
    *,
    candidate: CandidateAdverseEvent,
    adverse_event: AdverseEvent,
    by: User,
    at: datetime,
    reason: str = "is an adverse event",
) -> CandidateAdverseEvent:
    """Record that the candidate is that adverse event. Locks: the candidate.

    Raises: NotPermitted, IsDecided, OfAnotherPatient.
    """
    with acting(by=by, at=at, reason=reason):
        held = _undecided(candidate, by)
        if adverse_event.patient_id != held.patient_id:
            raise OfAnotherPatient()
        held.state, held.adverse_event = CandidateState.CONFIRMED, adverse_event
        held.decided_at, held.decided_by = at, by
        held.save()
        return held


def dismiss_candidate(
    *, candidate: CandidateAdverseEvent, by: User, at: datetime, reason: str
) -> CandidateAdverseEvent:
    """Record a physician's judgment that it is no adverse event. Locks: the candidate.

    Raises: NotPermitted, IsDecided, InvalidInput.
    """
    if not reason.strip():
        raise InvalidInput("Say why it is no adverse event.")
    with acting(by=by, at=at, reason=reason):
        held = _undecided(candidate, by)
        held.state, held.decision_reason = CandidateState.DISMISSED, reason
        held.decided_at, held.decided_by = at, by
        held.save()
        return held


def _undecided(candidate: CandidateAdverseEvent, by: User) -> CandidateAdverseEvent:
    if not may(by, Permission.ADVERSE_EVENT_ASSESS, candidate):
        raise NotPermitted()
    held = CandidateAdverseEvent.objects.select_for_update().get(pk=candidate.pk)
    if held.state != CandidateState.OPEN:
        raise IsDecided()
    return held
