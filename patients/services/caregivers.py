"""Who cares for one patient and answers in their place."""

import secrets
from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, QuerySet

from patients.models import Caregiver, Patient
from patients.vocabulary import Relation
from portal.access import grants
from portal.access.grants import Grant, People
from portal.access.roles import ROLES
from portal.accounts.models import User, UserKind
from portal.core.errors import RuleBroken
from portal.core.history import acting
from portal.core.ids import uuid7
from trials.services.setup import save_checked


class NotACaregiver(RuleBroken):
    """A caregiver is an active person of their own: not a patient, and not oneself."""

    code = "not_a_caregiver"


class CaresAlready(RuleBroken):
    """This person cares for the patient already; end that first."""

    code = "cares_already"


def assign_caregiver(
    *,
    patient: Patient,
    person: User | None = None,
    relation: Relation,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> Caregiver:
    """Let a person answer for one patient and see what the patient sees.

    Without `person` an account is made, whose name tells nothing of them; nobody can sign in with
    it until a password is set. It takes effect on the person's next request.
    Source: domain.md 3 (caregiver of one patient, with relation). Locks: the patient row.
    Raises: NotACaregiver, CaresAlready, InvalidInput.
    """
    if person is not None and (
        person.kind != UserKind.PERSON or not person.is_active or person.pk == by.pk
    ):
        raise NotACaregiver()
    with acting(by=by, at=at, reason=reason):
        patient = Patient.objects.select_for_update().get(pk=patient.pk)
        person = person or _account(patient, at)
        if _held(at).filter(patient=patient, person=person).exists():
            raise CaresAlready()
        made = Caregiver(
            patient=patient,
            person=person,
            relation=relation,
            from_at=max(at, from_at or at),
            to_at=to_at,
            granted_by=by,
            created_at=at,
        )
        return _save(made, by=by, at=at, reason=reason)


def end_caregiver(*, caregiver: Caregiver, by: User, at: datetime, reason: str) -> Caregiver:
    """End it now; the person loses the patient on their next request. Locks: its row."""
    with acting(by=by, at=at, reason=reason):
        locked = Caregiver.objects.select_for_update().get(pk=caregiver.pk)
        ends = max(at, locked.from_at)
        locked.to_at = ends if locked.to_at is None else min(locked.to_at, ends)
        return _save(locked, by=by, at=at, reason=reason)


@grants.source
def grants_of_caregivers(people: People, at: datetime) -> Iterator[Grant]:
    """Yield what caregivers see and do of their patients."""
    caregivers = _held(at).order_by("id")
    if people is not None:
        caregivers = caregivers.filter(person__in=people)
    for caregiver in caregivers.iterator():
        yield Grant(
            user=caregiver.person_id,
            permissions=ROLES["caregiver"].permissions,
            anchor="patient",
            anchor_id=caregiver.patient_id,
            valid_from=caregiver.from_at,
            valid_until=caregiver.to_at,
        )


def _held(at: datetime) -> QuerySet[Caregiver]:
    return Caregiver.objects.filter(Q(to_at__isnull=True) | Q(to_at__gt=at))


def _account(patient: Patient, at: datetime) -> User:
    pk = uuid7(at)
    return User.objects.create(
        id=pk,
        created_at=at,
        username=f"caregiver-{pk}",
        display_name=f"Caregiver of {patient.subject_number}",
        password=UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20),
    )


def _save(caregiver: Caregiver, *, by: User, at: datetime, reason: str) -> Caregiver:
    saved = save_checked(caregiver, by=by, at=at, reason=reason)
    grants.sync(at=at, people=[saved.person_id])
    return saved
