"""How people want to be told, and who stands in for them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.notices.models import Absence, Preference


class UnknownTimeZone(InvalidInput):
    """This is no IANA time zone."""

    code = "unknown_time_zone"


class NoDeputy(InvalidInput):
    """There is no other active account of that name to stand in."""

    code = "no_such_deputy"


class AbsenceEndsTooSoon(InvalidInput):
    """An absence ends after it begins, and not in the past."""

    code = "absence_ends_too_soon"


def prefer(
    *,
    wishes: dict[str, Any],
    check: Callable[[Preference], None] = lambda held: None,
    by: User,
    at: datetime,
    reason: str = "",
) -> Preference:
    """Record how `by` wants to be told; `check` sees what was said before, and may refuse.

    Locks: the person's preference. Raises: UnknownTimeZone, InvalidInput.
    """
    if wishes["time_zone"] not in available_timezones():
        part = FieldError("/time_zone", UnknownTimeZone.code, str(UnknownTimeZone.__doc__))
        raise UnknownTimeZone(errors=(part,))
    if (wishes["quiet_from"] is None) != (wishes["quiet_until"] is None):
        part = FieldError("/quiet_until", "required", "Say from when and until when, or neither.")
        raise InvalidInput(errors=(part,))
    with acting(by=by, at=at, reason=reason or "preferences"):
        held = _held(by, at)
        check(held)
        for name, value in wishes.items():
            setattr(held, name, value)
        held.save()
        held.refresh_from_db()
    return held


def _held(person: User, at: datetime) -> Preference:
    """Return the person's preference, locked; its version is 0 where it says nothing yet."""
    fresh = Preference(person=person, created_at=at)
    Preference.objects.bulk_create([fresh], ignore_conflicts=True)
    held = Preference.objects.select_for_update().get(person=person)
    if held.pk == fresh.pk:
        held.version = 0
    return held


class AbsenceHasEnded(RuleBroken):
    """An absence that has ended is history: record another one."""

    code = "absence_has_ended"


def go_away(
    *,
    person: User,
    deputy: User | None,
    from_at: datetime,
    to_at: datetime,
    by: User,
    at: datetime,
    reason: str = "",
) -> Absence:
    """Record that `person` is away and who stands in. Raises: NoDeputy, AbsenceEndsTooSoon."""
    deputy = _checked(person.pk, deputy, from_at, to_at, at)
    with acting(by=by, at=at, reason=reason or "absence"):
        return Absence.objects.create(
            person=person, deputy=deputy, from_at=from_at, to_at=to_at, created_at=at
        )


def correct_absence(
    *,
    absence: Absence,
    deputy: User | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> Absence:
    """Say otherwise who stands in or until when; what is None stays as it was recorded.

    Locks: its row. Raises: AbsenceHasEnded, NoDeputy, AbsenceEndsTooSoon.
    """
    with acting(by=by, at=at, reason=reason):
        held = Absence.objects.select_for_update().get(pk=absence.pk)
        if held.to_at <= at:
            raise AbsenceHasEnded()
        begins, ends = from_at or held.from_at, to_at or held.to_at
        held.deputy = _checked(held.person_id, deputy or held.deputy, begins, ends, at)
        held.from_at, held.to_at = begins, ends
        held.save()
        held.refresh_from_db()
    return held


def _checked(
    person: UUID, deputy: User | None, from_at: datetime, to_at: datetime, at: datetime
) -> User:
    """Return the deputy where the absence makes sense. Raises: NoDeputy, AbsenceEndsTooSoon."""
    if deputy is None or not deputy.is_active or deputy.pk == person:
        raise NoDeputy(errors=(FieldError("/deputy", NoDeputy.code, str(NoDeputy.__doc__)),))
    if to_at <= max(from_at, at):
        part = FieldError("/to_at", AbsenceEndsTooSoon.code, str(AbsenceEndsTooSoon.__doc__))
        raise AbsenceEndsTooSoon(errors=(part,))
    return deputy


def come_back(*, absence: Absence, by: User, at: datetime, reason: str = "") -> Absence:
    """End an absence now; what has ended stays as it is. Locks: its row. Raises: NotPermitted."""
    with acting(by=by, at=at, reason=reason or "back"):
        held = Absence.objects.select_for_update().get(pk=absence.pk)
        if held.person_id != by.pk and not reason:
            raise NotPermitted()
        if held.to_at > at:
            held.from_at, held.to_at = min(held.from_at, at), at
            held.save()
            held.refresh_from_db()
    return held
