"""Who takes part in a simulation: patients of a trial, each with a device token of their own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from patients.models import Patient
from patients.selectors import news2_eligibility
from patients.services.phones import KEEPS_A_DIARY, hand_out_phones
from patients.vocabulary import ScoreEligibility
from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services import tokens
from portal.accounts.services.tokens import TokenType
from portal.core.ids import SYSTEM_ACCOUNT
from trials.models import Trial

DEVICE = "simulated phone"
# Every third patient lies in a ward, beside a monitor.
MONITORED_EVERY = 3


@dataclass(frozen=True, slots=True)
class Handset:
    """A patient, their token, the zone of their site, and whether they lie beside a monitor."""

    patient: UUID
    token: str
    time_zone: str
    is_monitored: bool


def hand_out(trial: Trial, count: int, at: datetime) -> list[Handset]:
    """Return `count` handsets, fewer where the trial has fewer enrolled patients.

    The sessions of an earlier simulation are used again: a portal that is started each morning
    does not collect them. Raises: NobodyKeepsADiary.
    """
    enrolled = Patient.objects.filter(trial=trial, participation__in=KEEPS_A_DIARY)
    zones = dict(enrolled.order_by("subject_number").values_list("pk", "site__time_zone")[:count])
    known = _kept(list(zones), at)
    if not zones or len(known) < len(zones):
        by = User.objects.get(pk=SYSTEM_ACCOUNT)
        issued = hand_out_phones(
            trial=trial, count=len(zones), by=by, at=at, reason="simulation", device_id=DEVICE
        )
        known = dict(issued) | known
    beds = _beds([key for key in zones if key in known], at)
    return [
        Handset(key, known[key], zone or "UTC", key in beds)
        for key, zone in zones.items()
        if key in known
    ]


def _beds(patients: list[UUID], at: datetime) -> set[UUID]:
    """Return who lies in a ward: first those whose NEWS2 may be scored there."""
    eligible = news2_eligibility(patients, at)
    ranked = sorted(patients, key=lambda key: eligible[key] != ScoreEligibility.ELIGIBLE)
    return set(ranked[: -(-len(patients) // MONITORED_EVERY)])


def _kept(patients: list[UUID], at: datetime) -> dict[UUID, str]:
    """Return new tokens for the sessions that stand."""
    sessions = Session.objects.filter(
        kind=SessionKind.DEVICE,
        device_id=DEVICE,
        patient_id__in=patients,
        revoked_at=None,
        expires_at__gt=at,
        user__is_active=True,
    )
    return {
        session.patient_id: tokens.make(
            TokenType.DEVICE,
            user=session.user_id,
            session=session.pk,
            issued_at=at,
            expires_at=session.expires_at,
        )
        for session in sessions
        if session.patient_id is not None
    }
