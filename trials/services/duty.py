"""Ladders and rosters: set, read by those who escalate, and checked before a rule may alert."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from portal.access.people import people_as, people_with
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.core.errors import InvalidInput, RuleBroken
from portal.core.history import acting
from portal.notices import ladders
from portal.notices.ladders import USUAL, Rung
from portal.notices.vocabulary import LadderKind, Who
from trials.models import (
    Assignment,
    Ladder,
    LadderRung,
    PrincipalInvestigator,
    RosterShift,
    Site,
    Trial,
)
from trials.models.duty import every_day
from trials.rules.duty import Shift, empty_hours
from trials.services.setup import save_checked
from trials.vocabulary import DutyLine, SiteStatus

_LINES = {Who.ON_CALL: DutyLine.FIRST, Who.SECOND_ON_CALL: DutyLine.SECOND}
_SAFETY_TEAM = ("safety_officer", "medical_monitor")
_ROLES = {
    Who.MEDICAL_MONITOR: ("medical_monitor",),
    Who.SAFETY_OFFICER: ("safety_officer",),
    Who.SAFETY_TEAM: _SAFETY_TEAM,
}


class NotStaffed(RuleBroken):
    """Nobody would be told: a rung of the ladder or an hour of the roster is empty."""

    code = "ladder_not_staffed"


class NotOnTheLadder(InvalidInput):
    """Only somebody who may see the site's alerts can be on duty for them."""

    code = "may_not_see_alerts"


class NoRungs(InvalidInput):
    """A ladder has at least one rung."""

    code = "no_rungs"


def set_ladder(
    *,
    trial: Trial,
    kind: LadderKind,
    rungs: Sequence[Rung],
    site: Site | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> Ladder:
    """Set the rungs of a ladder, from the first on; what was escalated goes on by the new ones.

    Locks: the ladder. Raises: NoRungs, InvalidInput.
    """
    if not rungs:
        raise NoRungs()
    with acting(by=by, at=at, reason=reason):
        fresh = Ladder(trial=trial, site=site, kind=kind, created_at=at)
        Ladder.objects.bulk_create([fresh], ignore_conflicts=True)
        held = Ladder.objects.select_for_update().get(trial=trial, site=site, kind=kind)
        present = {rung.order: rung for rung in LadderRung.objects.filter(ladder=held)}
        for order, rung in enumerate(rungs, 1):
            row = present.pop(order, None) or LadderRung(ladder=held, order=order, created_at=at)
            row.who, row.wait_minutes = rung.who, rung.wait_minutes
            row.repeat_every_minutes = rung.repeat_every_minutes
            row.most_repeats, row.is_in_use = rung.most_repeats, True
            save_checked(row, by=by, at=at, reason=reason)
        LadderRung.objects.filter(pk__in=[row.pk for row in present.values()]).update(
            is_in_use=False
        )
    return held


def add_rung(
    *, ladder: Ladder, rung: Rung, order: int | None = None, by: User, at: datetime, reason: str
) -> LadderRung:
    """Put a rung on a ladder, at the end or before the one of that order.

    Locks: the ladder. Raises: InvalidInput.
    """
    with acting(by=by, at=at, reason=reason):
        Ladder.objects.select_for_update().get(pk=ladder.pk)
        held = LadderRung.objects.filter(ladder=ladder, is_in_use=True).order_by("order")
        rungs = [_rung(row) for row in held]
        place = len(rungs) if order is None else min(max(order - 1, 0), len(rungs))
        rungs.insert(place, rung)
        set_ladder(
            trial=ladder.trial,
            kind=LadderKind(ladder.kind),
            rungs=rungs,
            site=ladder.site,
            by=by,
            at=at,
            reason=reason,
        )
        return LadderRung.objects.get(ladder=ladder, order=place + 1)


def _rung(row: LadderRung) -> Rung:
    return Rung(Who(row.who), row.wait_minutes, row.repeat_every_minutes, row.most_repeats)


def change_rung(
    *, rung: LadderRung, by: User, at: datetime, reason: str, **changes: Any
) -> LadderRung:
    """Change whom a rung names or how long it waits. Locks: its row. Raises: InvalidInput."""
    with acting(by=by, at=at, reason=reason):
        held = LadderRung.objects.select_for_update().get(pk=rung.pk)
        for name, value in changes.items():
            setattr(held, name, value)
        return save_checked(held, by=by, at=at, reason=reason)


def ensure_usual_ladders(
    *, trial: Trial, by: User, at: datetime, reason: str = "usual ladders"
) -> None:
    """Give a trial the usual ladders where it has none yet."""
    for kind, rungs in USUAL.items():
        if not Ladder.objects.filter(trial=trial, site=None, kind=kind).exists():
            set_ladder(trial=trial, kind=kind, rungs=rungs, by=by, at=at, reason=reason)


def put_on_duty(
    *,
    site: Site,
    person: User,
    phone: str,
    line: str = DutyLine.FIRST,
    weekdays: Sequence[int] | None = None,
    from_time: time = time(0),
    to_time: time = time(0),
    from_on: Any = None,
    to_on: Any = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> RosterShift:
    """Put somebody on a site's roster. Raises: NotOnTheLadder, InvalidInput."""
    seeing = people_with(Permission.ALERT_VIEW, trial=site.trial_id, site=site.pk, at=at)
    if person.pk not in seeing:
        raise NotOnTheLadder()
    shift = RosterShift(
        site=site,
        line=line,
        person=person,
        phone=phone,
        weekdays=sorted(weekdays or every_day()),
        from_time=from_time,
        to_time=to_time,
        from_on=from_on or _local(site, at).date(),
        to_on=to_on,
        created_at=at,
    )
    return save_checked(shift, by=by, at=at, reason=reason)


def end_shift(*, shift: RosterShift, by: User, at: datetime, reason: str) -> RosterShift:
    """Take a shift off the roster from tomorrow on, by the site's clock. Locks: its row."""
    with acting(by=by, at=at, reason=reason):
        held = RosterShift.objects.select_for_update().get(pk=shift.pk)
        today = _local(held.site, at).date()
        held.to_on = max(today, held.from_on)
        return save_checked(held, by=by, at=at, reason=reason)


def check_staffed(*, trial: Trial, at: datetime) -> None:
    """Refuse while a rung of a site's medical ladder names nobody or an hour of a week is empty.

    Source: domain.md 8. Raises: NotStaffed.
    """
    gaps = list(_gaps(trial, at))
    if gaps:
        raise NotStaffed(f"{NotStaffed.__doc__} ({'; '.join(gaps[:10])})")


def _gaps(trial: Trial, at: datetime) -> Iterator[str]:
    sites = Site.objects.filter(trial=trial).exclude(status=SiteStatus.CLOSED).order_by("code")
    for site in sites:
        for rung in ladders.rungs(LadderKind.MEDICAL, trial.pk, site.pk):
            line = _LINES.get(rung.who)
            if line is not None:
                hour = next(empty_hours(_shifts(site, line), _local(site, at)), None)
                if hour is not None:
                    yield f"{site.code}: {rung.who.label}, {hour:%a %H:%M}"
            elif not ladders.people(rung.who, trial.pk, site.pk, at):
                yield f"{site.code}: {rung.who.label}"


def _shifts(site: Site, line: str) -> list[Shift]:
    return [_shift(row) for row in RosterShift.objects.filter(site=site, line=line)]


def _shift(row: RosterShift) -> Shift:
    return Shift(
        weekdays=frozenset(row.weekdays),
        from_time=row.from_time,
        to_time=row.to_time,
        from_on=row.from_on,
        to_on=row.to_on,
    )


def _local(site: Site, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(site.time_zone or "UTC"))


class _Duty:
    """What the escalation asks of ladders and rosters."""

    def rungs(self, kind: LadderKind, trial: UUID, site: UUID | None) -> Sequence[Rung]:
        """Return the site's own rungs, else the trial's."""
        rows: QuerySet[LadderRung] = LadderRung.objects.filter(
            Q(ladder__site=site) | Q(ladder__site=None),
            ladder__trial=trial,
            ladder__kind=kind,
            is_in_use=True,
        ).order_by(F("ladder__site").asc(nulls_last=True), "order")
        found = list(rows.select_related("ladder"))
        return [_rung(row) for row in found if row.ladder_id == found[0].ladder_id]

    def people(self, who: Who, trial: UUID, site: UUID | None, at: datetime) -> set[UUID]:
        """Return whom a rung names now, by roster, tenure or assignment."""
        if who in _ROLES:
            return people_as(_ROLES[who], trial=trial, site=site, at=at)
        if who == Who.DEPUTIES:
            return set(_deputies(trial, at))
        place = Site.objects.filter(pk=site).first() if site else None
        if place is None:
            return set()
        if who == Who.PRINCIPAL_INVESTIGATOR:
            return _leaders(place, at)
        rows = RosterShift.objects.filter(site=place, line=_LINES[who])
        local = _local(place, at).replace(tzinfo=None)
        return {row.person_id for row in rows if _shift(row).covers(local)}


def _leaders(site: Site, at: datetime) -> set[UUID]:
    """Return who leads the site today; where no tenure is recorded, who holds the role."""
    today = _local(site, at).date()
    tenures = PrincipalInvestigator.objects.filter(
        Q(to_on__isnull=True) | Q(to_on__gt=today), site=site, from_on__lte=today
    )
    led = set(tenures.values_list("person_id", flat=True))
    return led or people_as(("principal_investigator",), trial=None, site=site.pk, at=at)


def _deputies(trial: UUID, at: datetime) -> Iterable[UUID]:
    in_force = Assignment.objects.filter(
        Q(to_at__isnull=True) | Q(to_at__gt=at),
        Q(trial=trial) | Q(sponsor__trials=trial) | Q(scope="portal"),
        role__in=_SAFETY_TEAM,
        from_at__lte=at,
        deputy__isnull=False,
    )
    return in_force.values_list("deputy_id", flat=True)


ladders.provide(_Duty())
