"""Exceptions for one patient: shared with a person until a date."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from patients.models import SHAREABLE, Patient, PatientShare
from portal.access import grants
from portal.access.grants import Grant, People
from portal.access.permissions import Permission
from portal.accounts.models import User, UserKind
from portal.core.errors import InvalidInput, RuleBroken
from portal.core.history import acting
from trials.services.setup import save_checked


class NotShareable(RuleBroken):
    """Only clinical records can be shared, never who the patient is or what they were given."""

    code = "not_shareable"


class NotAColleague(RuleBroken):
    """A patient is shared with another active person, not with a patient or a part of the portal.

    And not with oneself: somebody else has to grant it.
    """

    code = "not_a_colleague"


def share_patient(
    *,
    patient: Patient,
    person: User,
    permissions: Iterable[Permission],
    to_at: datetime,
    from_at: datetime | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> PatientShare:
    """Show one patient to `person` until `to_at`; it takes effect on their next request.

    `patient:view` comes along, or there would be nothing to hang the rest on.
    Raises: NotShareable, NotAColleague, InvalidInput.
    """
    shown = {Permission.PATIENT_VIEW.value, *(p.value for p in permissions)}
    if not shown <= set(SHAREABLE):
        raise NotShareable()
    if person.kind != UserKind.PERSON or not person.is_active or person.pk == by.pk:
        raise NotAColleague()
    if to_at <= at:
        raise InvalidInput("The last day of a share lies ahead.")
    share = PatientShare(
        patient=patient,
        person=person,
        permissions=sorted(shown),
        from_at=max(at, from_at or at),
        to_at=to_at,
        granted_by=by,
        reason=reason,
        created_at=at,
    )
    return _save(share, by=by, at=at, reason=reason)


def end_share(*, share: PatientShare, by: User, at: datetime, reason: str) -> PatientShare:
    """End a share now; the person loses what it showed on their next request. Locks: its row."""
    with acting(by=by, at=at, reason=reason):
        locked = PatientShare.objects.select_for_update().get(pk=share.pk)
        locked.to_at = min(locked.to_at, max(at, locked.from_at))
        return _save(locked, by=by, at=at, reason=reason)


@grants.source
def grants_of_shares(people: People, at: datetime) -> Iterator[Grant]:
    """Yield what shares that have not ended show."""
    shares = PatientShare.objects.filter(to_at__gt=at).order_by("id")
    if people is not None:
        shares = shares.filter(person__in=people)
    for share in shares.iterator():
        yield Grant(
            user=share.person_id,
            permissions=frozenset(map(Permission, share.permissions)),
            anchor="patient",
            anchor_id=share.patient_id,
            valid_from=share.from_at,
            valid_until=share.to_at,
        )


def _save(share: PatientShare, *, by: User, at: datetime, reason: str) -> PatientShare:
    with acting(by=by, at=at, reason=reason):
        saved = save_checked(share, by=by, at=at, reason=reason)
        grants.sync(at=at, people=[saved.person_id])
        return saved
