"""Who takes part in a simulation: patients of a trial, each with a device token of their own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from patients.models import Patient
from patients.services.phones import KEEPS_A_DIARY, hand_out_phones
from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services import tokens
from portal.accounts.services.tokens import TokenType
from portal.core.ids import SYSTEM_ACCOUNT
from trials.models import Trial

DEVICE = "simulated phone"


@dataclass(frozen=True, slots=True)
class Handset:
    """A patient, their token, and the zone of their site."""

    patient: UUID
    token: str
    time_zone: str


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
    return [Handset(key, known[key], zone or "UTC") for key, zone in zones.items() if key in known]


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
