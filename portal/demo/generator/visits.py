"""Visits: planned and kept, missed, unscheduled, and the last one when treatment ends early."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from portal.demo.generator import records as r
from portal.demo.generator.design import Planned
from portal.demo.generator.illness import Illness
from portal.demo.generator.participation import Maker
from portal.demo.generator.people import Fate, Person
from portal.demo.generator.times import full, on

_NOT_DONE = ("Patient on holiday", "Patient did not come", "Site closed", "Clinic full")
_EXTRA = ("Adverse event", "Repeat of a laboratory test", "Blood pressure check")


@dataclass(frozen=True, slots=True)
class Kept:
    """A visit that took place, with what its plan asks for."""

    row: r.Visit
    begins: datetime
    plan: Planned | None

    @property
    def is_on_site(self) -> bool:
        """Whether anything can be measured."""
        return self.row.contact == "on_site"


def visits(make: Maker, illnesses: list[Illness]) -> tuple[list[r.Visit], list[Kept]]:
    """Return every visit row, and those that took place in their order."""
    person = make.person
    rows, kept = [], []
    for plan in person.trial.plan:
        begins = _begins(person, plan)
        if begins is None or make.is_over(begins + timedelta(hours=2)):
            continue
        if _is_missed(person, plan):
            if not make.is_over(person.at(plan.day + plan.after, 16)):
                rows.append(_missed(make, plan))
            continue
        kept.append(_kept(make, plan, begins))
    kept += _unplanned(make, illnesses)
    kept.sort(key=lambda one: one.begins)
    return [*rows, *(one.row for one in kept)], kept


def _begins(person: Person, plan: Planned) -> datetime | None:
    """Return when a planned visit takes place, None where the patient never gets there."""
    hour = 7.75 + person.draws.integer(0, 28) / 4
    if plan.anchor == "consent":
        return person.screened_at
    if not person.is_treated:
        return None
    if plan.day == 1:
        return person.at(1, 8.5)
    if plan.day > person.last_day and (plan.contact != "phone" or _is_gone(person)):
        return None
    # Most come in the window; a few come a little early or late, which makes findings later.
    spread = max(plan.after, 1) * 0.45
    shift = round(person.draws.normal(0, spread))
    if not person.draws.chance(0.03):
        shift = min(max(shift, -plan.before), plan.after)
    day = plan.day + shift
    if plan.day == person.trial.plan[-1].day and plan.contact == "phone":
        day = max(day, person.last_day + 7)
    weekend = person.on(day).weekday() - 4
    if weekend > 0 and plan.before:
        day -= weekend
    return person.at(day, hour)


def _is_gone(person: Person) -> bool:
    return person.fate in (Fate.DIED, Fate.LOST, Fate.WITHDREW)


def _is_missed(person: Person, plan: Planned) -> bool:
    return plan.day > 1 and plan.day < person.last_day - 2 and person.draws.chance(0.05)


def _kept(make: Maker, plan: Planned, begins: datetime) -> Kept:
    person = make.person
    minutes = 15 if plan.contact != "on_site" else person.draws.integer(45, 150)
    ends = begins + timedelta(minutes=minutes)
    at = make.entered(ends)
    row = r.Visit(
        **make.base(at, "visit", plan.oid),
        plan_id=make.site.trial.plans[plan.oid].id,
        number=Decimal(plan.number),
        name=plan.name,
        kind="follow_up" if plan.oid == "V.FU" else "planned",
        contact=plan.contact,
        starts=full(begins, person.zone),
        ends=full(ends, person.zone),
        repeat_key=1,
        status="done",
        not_done_reason="",
        entered_at=at,
    )
    return Kept(row, begins, plan)


def _missed(make: Maker, plan: Planned) -> r.Visit:
    person = make.person
    at = make.entered(person.at(plan.day + plan.after, 16))
    return r.Visit(
        **make.base(at, "visit", plan.oid),
        plan_id=make.site.trial.plans[plan.oid].id,
        number=Decimal(plan.number),
        name=plan.name,
        kind="planned",
        contact=plan.contact,
        starts=on(person.on(plan.day), person.zone),
        ends=None,
        repeat_key=1,
        status="not_done",
        not_done_reason=person.draws.pick(_NOT_DONE),
        entered_at=at,
    )


def _unplanned(make: Maker, illnesses: list[Illness]) -> list[Kept]:
    """Return unscheduled visits: for a severe event, by chance, and at early termination."""
    person = make.person
    if not person.is_treated:
        return []
    days = [
        (int(one.starts) + 1, "unscheduled", _EXTRA[0])
        for one in illnesses
        if one.grade >= 2 and not one.criteria and one.starts > 1 and person.draws.chance(0.3)
    ]
    if person.draws.chance(0.1):
        extra = (person.draws.integer(4, 50), "unscheduled", person.draws.pick(_EXTRA[1:]))
        days.append(extra)
    if person.fate in (Fate.DISCONTINUED, Fate.WITHDREW):
        days.append((person.last_day, "early_termination", "Early termination"))
    kept: list[Kept] = []
    for day, kind, name in sorted(days):
        if day > person.last_day:
            continue
        one = _extra_visit(make, day, kind, name, len(kept) + 1)
        if one is not None:
            kept.append(one)
    return kept


def _extra_visit(make: Maker, day: int, kind: str, name: str, repeat: int) -> Kept | None:
    person = make.person
    begins = person.at(day, 9 + person.draws.integer(0, 20) / 4)
    ends = begins + timedelta(minutes=person.draws.integer(20, 70))
    if make.is_over(ends):
        return None
    before = [plan for plan in person.trial.plan if plan.day <= day]
    number = None
    if kind == "unscheduled":
        number = Decimal(before[-1].number) + Decimal(repeat) / 100
    at = make.entered(ends)
    row = r.Visit(
        **make.base(at, "visit", kind, repeat),
        plan_id=None,
        number=number,
        name=name,
        kind=kind,
        contact="on_site",
        starts=full(begins, person.zone),
        ends=full(ends, person.zone),
        repeat_key=repeat,
        status="done",
        not_done_reason="",
        entered_at=at,
    )
    return Kept(row, begins, None)
