"""Adverse events as reported: versions, severity, products, causality, expectedness, coding."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portal.core.partial_dates import PartialDateTime
from portal.demo.generator import records as r
from portal.demo.generator.illness import CRITERIA, Illness
from portal.demo.generator.participation import Maker
from portal.demo.generator.people import Fate, Person
from portal.demo.generator.times import full, in_month, local_day, on

_SEVERITY = {1: "mild", 2: "moderate", 3: "severe", 4: "severe", 5: "severe"}
_RELATED = ("possible", "probable")
_UNRELATED = ("not_related", "unlikely")


def adverse_events(make: Maker, illnesses: list[Illness]) -> list[r.Row]:
    """Return the rows of every event that the site knew of before the demo's end."""
    rows: list[r.Row] = []
    number = 0
    for illness in illnesses:
        aware = _aware(make, illness)
        reported = make.entered(aware, 0.3 if illness.is_serious else 1.5)
        if make.is_over(reported) or make.is_over(aware):
            continue
        number += 1
        rows += _event(make, illness, number, aware, reported)
    return rows


def _aware(make: Maker, illness: Illness) -> datetime:
    """Return when the site learned of it: within a day when serious, else at some contact."""
    began = make.person.moment(illness.starts)
    draws = make.person.draws
    hours = draws.uniform(1, 20) if illness.is_serious else draws.uniform(3, 120)
    return (began + timedelta(hours=hours)).replace(second=0, microsecond=0)


def _event(
    make: Maker, illness: Illness, number: int, aware: datetime, reported: datetime
) -> list[r.Row]:
    person, kind = make.person, illness.kind
    first_dose = person.at(1, 9)
    began = person.moment(illness.starts)
    emergent = person.is_treated and began >= first_dose
    event = r.AdverseEvent(
        **make.base(reported, "event", number),
        number=number,
        treatment_emergent="yes" if emergent else "no",
    )
    key = ("event", number)
    onset = _onset(make, illness, began)
    versions = _versions(make, illness, event, onset, aware, reported)
    coded_at = reported + timedelta(hours=2)
    coding = r.Coding(
        **make.base(coded_at, *key, "coding"),
        record_kind="adverse_event",
        record_id=event.id,
        verbatim=kind.term,
        dictionary="Demonstration terms",
        release="1",
        coded_term=kind.coded_term,
        system_organ_class=kind.system_organ_class,
    )
    return [
        event,
        *versions,
        _severity(make, illness, event, onset, versions[-1].resolved),
        *_judgments(make, illness, event, reported),
        *([] if make.is_over(coded_at) else [coding]),
    ]


def _onset(make: Maker, illness: Illness, began: datetime) -> PartialDateTime:
    """Return the onset as told: with a time when serious, else the day, rarely only the month."""
    zone = make.person.zone
    if illness.is_serious:
        return full(began.replace(second=0), zone)
    day = local_day(began, zone)
    if make.person.draws.chance(0.06):
        return in_month(day)
    return on(day, zone)


@dataclass(slots=True)
class _Told:
    """The versions of one event so far, and the facts that the next one starts from."""

    make: Maker
    illness: Illness
    event: r.AdverseEvent
    aware: datetime
    facts: dict[str, Any]
    versions: list[r.AdverseEventVersion] = field(default_factory=list)

    def tell(
        self, kind: str, received: datetime, entered: datetime, reason: str = "", **news: Any
    ) -> None:
        """Add a version with what is new in it."""
        self.facts |= news
        number = len(self.versions) + 1
        version = r.AdverseEventVersion(
            **self.make.base(entered, "event", self.event.number, "version", number),
            adverse_event_id=self.event.id,
            number=number,
            kind=kind,
            narrative=self._narrative() if kind == "initial" else "",
            information_received_at=received,
            site_aware_at=self.aware,
            sponsor_aware_at=entered if self.illness.is_serious else None,
            reason=reason,
            **self.facts,
        )
        self.versions.append(version)

    def _narrative(self) -> str:
        if not self.illness.is_serious:
            return ""
        return (
            f"{self.make.person.age}-year-old patient, {self.illness.kind.coded_term.lower()} "
            f"on day {int(self.illness.starts)} of treatment."
        )


def _versions(
    make: Maker,
    illness: Illness,
    event: r.AdverseEvent,
    onset: PartialDateTime,
    aware: datetime,
    reported: datetime,
) -> list[r.AdverseEventVersion]:
    """Return the first report, what became known later, a correction here and there."""
    person, draws = make.person, make.person.draws
    told = _Told(make, illness, event, aware, _seriousness(illness))
    is_fatal = "death" in illness.criteria
    outcome = "fatal" if is_fatal else "not_recovered"
    first: dict[str, Any] = {
        "term": illness.kind.term,
        "onset": onset,
        "resolved": None,
        "outcome": outcome,
    }
    told.tell("initial", aware, reported, **first)
    heard = person.moment(illness.ends) + timedelta(hours=draws.uniform(4, 60))
    entered = make.entered(max(heard, reported) + timedelta(minutes=30), 1.0)
    if draws.chance(0.05):
        at = make.entered(reported + timedelta(hours=5), 0.5)
        term = illness.kind.term.capitalize()
        if not make.is_over(at) and at < entered:
            told.tell("correction", at, at, "Spelling of the term corrected", term=term)
    is_heard = not make.is_over(heard) and not make.is_over(entered)
    if not is_fatal and is_heard and not _is_out_of_reach(person, illness):
        outcome = draws.pick(("recovered", "with_sequelae"), (30, 1))
        resolved = _resolved(person, illness)
        told.tell("follow_up", max(heard, aware), entered, resolved=resolved, outcome=outcome)
    return told.versions


def _resolved(person: Person, illness: Illness) -> PartialDateTime:
    ended = person.moment(illness.ends)
    if illness.is_serious:
        return full(ended, person.zone)
    return on(local_day(ended, person.zone), person.zone)


def _is_out_of_reach(person: Person, illness: Illness) -> bool:
    return person.fate in (Fate.LOST, Fate.DIED, Fate.WITHDREW) and illness.ends > person.last_day


def _seriousness(illness: Illness) -> dict[str, Any]:
    reported = illness.serious_as_reported or ("yes" if illness.is_serious else "no")
    return {
        "seriousness": {name: "yes" if name in illness.criteria else "no" for name in CRITERIA},
        "serious_as_reported": reported,
    }


def _severity(
    make: Maker,
    illness: Illness,
    event: r.AdverseEvent,
    onset: PartialDateTime,
    resolved: PartialDateTime | None,
) -> r.SeverityPeriod:
    is_graded = make.person.trial.key == "phase2"
    return r.SeverityPeriod(
        **make.base(event.created_at, "event", event.number, "severity"),
        adverse_event_id=event.id,
        starts=onset,
        ends=resolved,
        scale="ctcae" if is_graded else "mild_moderate_severe",
        value="" if is_graded else _SEVERITY[illness.grade],
        grade=illness.grade if is_graded else None,
    )


def _judgments(
    make: Maker, illness: Illness, event: r.AdverseEvent, reported: datetime
) -> list[r.Row]:
    """Return the product's part and who judged what. Before treatment there is no product."""
    person, draws = make.person, make.person.draws
    if event.treatment_emergent == "no":
        return []
    withdrawn = illness.is_susar or (
        illness.is_serious and person.fate is Fate.DISCONTINUED and illness.is_related
    )
    action = (
        "withdrawn"
        if withdrawn
        else "not_applicable"
        if illness.grade == 5
        else ("interrupted" if illness.is_in_hospital else "dose_not_changed")
    )
    began = person.moment(illness.starts)
    acted = full(began + timedelta(hours=5), person.zone)
    product = r.EventProduct(
        **make.base(reported, "event", event.number, "product"),
        adverse_event_id=event.id,
        name="Study treatment",
        role="suspect",
        action_taken=action,
        action_on=acted if action in ("withdrawn", "interrupted") else None,
        dechallenge="positive" if withdrawn else "not_applicable",
    )
    value = draws.pick(_RELATED if illness.is_related else _UNRELATED)
    rows: list[r.Row] = [product]
    rows.append(_causality(make, event, product, "investigator", value, illness, reported))
    sponsor_at = reported + timedelta(hours=draws.uniform(6, 30))
    if illness.is_serious and not make.is_over(sponsor_at):
        rows.append(_causality(make, event, product, "sponsor", value, illness, sponsor_at))
        rows.append(_expectedness(make, illness, event, product, sponsor_at))
    return rows


def _causality(
    make: Maker,
    event: r.AdverseEvent,
    product: r.EventProduct,
    assessor: str,
    value: str,
    illness: Illness,
    at: datetime,
) -> r.CausalityAssessment:
    return r.CausalityAssessment(
        **make.base(at, "event", event.number, "causality", assessor),
        adverse_event_id=event.id,
        event_product_id=product.id,
        assessor=assessor,
        value=value,
        is_related=illness.is_related,
        assessed_at=at,
    )


def _expectedness(
    make: Maker, illness: Illness, event: r.AdverseEvent, product: r.EventProduct, at: datetime
) -> r.ExpectednessAssessment:
    given = make.person.arm
    return r.ExpectednessAssessment(
        **make.base(at, "event", event.number, "expectedness"),
        adverse_event_id=event.id,
        event_product_id=product.id,
        information_id=make.site.trial.information[given].id,
        jurisdiction="EU",
        is_expected=illness.kind.expected,
        assessed_at=at,
    )
