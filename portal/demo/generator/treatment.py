"""Laboratory results, exposure, medications, history and flags of a patient."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from portal.core.partial_dates import PartialDateTime
from portal.demo.generator import records as r
from portal.demo.generator.catalog import HISTORY, LABS, REMEDIES, LabTest
from portal.demo.generator.draws import clamp
from portal.demo.generator.illness import Illness
from portal.demo.generator.participation import Maker
from portal.demo.generator.people import Person
from portal.demo.generator.times import full, in_month, in_year, instant, local_day, on
from portal.demo.generator.visits import Kept

_TABLETS_A_DAY = 1


def lab_results(make: Maker, kept: list[Kept]) -> list[r.Row]:
    """Return the results of every visit whose plan asks for blood."""
    rows: list[r.Row] = []
    for visit in kept:
        if visit.plan is None or not visit.plan.labs or not visit.is_on_site:
            continue
        collected = visit.begins + timedelta(minutes=12)
        resulted = collected + timedelta(hours=make.person.draws.uniform(5, 40))
        if make.is_over(resulted):
            continue
        rows += [_result(make, visit, test, collected, resulted) for test in LABS]
    return rows


def _lab_truth(person: Person, test: LabTest, at: datetime) -> float:
    day = person.day_of(at)
    value = person.draws.normal(test.mean, test.spread)
    if test.code in ("ALT", "AST"):
        # An injured liver shows, and so does the product, a little.
        injured = [e for e in person.episodes if e.kind.system_organ_class.startswith("Hepato")]
        value += sum(420 * e.intensity(day - 2) for e in injured)
        value += 5 if person.arm == 0 and person.trial.key == "phase3" and day > 10 else 0
    if test.code == "CREAT":
        value += 6 if person.sex == "M" else -6
        value += sum(
            150 * e.intensity(day) for e in person.episodes if "kidney" in e.kind.coded_term
        )
    if test.code == "HGB":
        value += 6 if person.sex == "M" else -8
    if test.code == "CRP":
        value += 45 * max(person.effect("temperature", day), 0)
    if test.code == "GLUC":
        value += person.baseline["blood_glucose"] - 5.4
    return clamp(value, test.low * 0.4, test.high * 40)


def _result(
    make: Maker, visit: Kept, test: LabTest, collected: datetime, resulted: datetime
) -> r.LabResult:
    person, draws = make.person, make.person.draws
    us = make.site.design.us_units and bool(test.us_unit)
    factor, unit = (test.us_factor, test.us_unit) if us else (1.0, test.unit)
    decimals = 2 if us and test.code == "CREAT" else test.decimals + (1 if us and factor < 1 else 0)
    drawn = _lab_truth(person, test, collected)
    comparator = "<" if test.code == "CRP" and drawn < 3 else ""
    written = f"{3.0 if comparator else drawn * factor:.{decimals}f}"
    value = Decimal(written)
    canonical = value if not us else value / Decimal(repr(factor))
    indicator = "LOW" if drawn < test.low else "HIGH" if drawn > test.high else "NORMAL"
    return r.LabResult(
        **make.base(resulted, "lab", visit.row.id, test.code),
        visit_id=visit.row.id,
        code=test.code,
        name=test.name,
        loinc=test.us_loinc if us else test.loinc,
        laboratory="central" if person.trial.key != "phase4" else "local",
        accession=f"A{collected:%y%m%d}{person.design.number}{person.position:03d}",
        specimen=test.specimen,
        collected=full(collected, person.zone),
        collected_at=collected,
        resulted_at=resulted,
        fasting=draws.pick(("yes", "no", "unknown"), (6, 2, 1)),
        result=f"{comparator}{written}",
        comparator=comparator,
        value=value,
        unit=unit,
        canonical_value=canonical.quantize(Decimal("0.000001"), ROUND_HALF_UP),
        canonical_unit=test.unit,
        reference_low=f"{test.low * factor:.3g}",
        reference_high=f"{test.high * factor:.3g}",
        indicator=indicator,
        status="corrected" if draws.chance(0.01) else "final",
        significance="yes" if drawn > 3 * test.high else "",
    )


def exposures(make: Maker, kept: list[Kept]) -> list[r.Row]:
    """Return an interval from each kit to the next; a break for some, none after the end."""
    person, draws = make.person, make.person.draws
    starts = [v for v in kept if v.plan is not None and v.plan.kit and v.begins < _stop(person)]
    rows: list[r.Row] = []
    for number, visit in enumerate(starts):
        following = starts[number + 1].begins if number + 1 < len(starts) else _stop(person)
        first = local_day(visit.begins, person.zone)
        is_open = make.is_over(following)
        last = local_day(following - timedelta(days=1), person.zone)
        if not is_open and last < first:
            continue
        days = ((local_day(person.times.cutoff, person.zone) if is_open else last) - first).days + 1
        missed = draws.pick((0, 1, 2, 3), (70, 18, 8, 4)) if days > 5 else 0
        interrupted = missed == 3
        rows.append(
            _exposure(
                make, visit, number, first, None if is_open else last, days, missed, interrupted
            )
        )
    return rows


def _stop(person: Person) -> datetime:
    return person.at(min(person.last_day, 56) + 1, 0)


def _exposure(
    make: Maker,
    visit: Kept,
    number: int,
    first: date,
    last: date | None,
    days: int,
    missed: int,
    interrupted: bool,
) -> r.Exposure:
    person = make.person
    product = make.site.trial.products[person.arm]
    counted = visit.begins if last is None else instant(last + timedelta(days=1), 11, person.zone)
    at = make.entered(min(counted, person.times.cutoff - timedelta(hours=2)))
    return r.Exposure(
        **make.base(at, "exposure", number),
        visit_id=visit.row.id,
        # Kit numbers are drawn, not counted: they say nothing of what is inside.
        kit_number=f"K{person.draws.integer(100000, 999999)}",
        starts=on(first, person.zone),
        ends=on(last, person.zone) if last else None,
        planned_amount=Decimal(days * _TABLETS_A_DAY),
        amount=Decimal((days - missed) * _TABLETS_A_DAY),
        amount_unit="tablet",
        route="oral",
        adjusted_reason="Adverse event" if interrupted else "Forgotten" if missed else "",
        interrupted=interrupted,
        product_id=product.id,
    )


def history_and_medications(make: Maker, illnesses: list[Illness]) -> list[r.Row]:
    """Return conditions before the trial with what is taken for them, and remedies of events."""
    person, draws = make.person, make.person.draws
    at = make.entered(person.screened_at)
    count = min(4, int(draws.waiting(0.8 + 1.6 * person.frailty)))
    pool = HISTORY[1:] if person.trial.key != "phase3" else HISTORY
    chosen = draws.some(pool, count)
    if person.trial.key == "phase3" and HISTORY[0] not in chosen:
        chosen = [HISTORY[0], *chosen]
    rows: list[r.Row] = []
    for number, (verbatim, coded, soc, remedy) in enumerate(chosen):
        began = date(
            person.screened_at.year - draws.integer(1, max(person.age - 18, 2)),
            draws.integer(1, 12),
            draws.integer(1, 28),
        )
        starts = _as_remembered(person, began)
        ended = coded == "Appendicectomy"
        row = r.MedicalHistory(
            **make.base(at, "history", number),
            verbatim=verbatim,
            starts=starts,
            ends=starts if ended else None,
            ongoing=not ended,
        )
        rows += [row, _coding(make, at, "medical_history", row, coded, soc)]
        if remedy is not None and draws.chance(0.75):
            rows.append(
                _medication(make, at, f"usual{number}", remedy, verbatim, starts, None, before=True)
            )
    return [*rows, *_remedies(make, illnesses)]


def _as_remembered(person: Person, day: date) -> PartialDateTime | None:
    """Return a long past date as people remember it: mostly year or month, sometimes nothing."""
    form = person.draws.pick(("day", "month", "year", "none"), (15, 35, 42, 8))
    match form:
        case "day":
            return on(day, None)
        case "month":
            return in_month(day)
        case "year":
            return in_year(day)
    return None


def _remedies(make: Maker, illnesses: list[Illness]) -> list[r.Row]:
    person = make.person
    rows: list[r.Row] = []
    for number, illness in enumerate(illnesses):
        remedy = REMEDIES.get(illness.kind.coded_term)
        if remedy is None or not person.draws.chance(0.7):
            continue
        begun = person.moment(illness.starts)
        if make.is_over(begun + timedelta(days=1)):
            continue
        ended = person.moment(illness.ends)
        ends = None if make.is_over(ended) else on(local_day(ended, person.zone), person.zone)
        starts = on(local_day(begun, person.zone), person.zone)
        at = make.entered(begun + timedelta(hours=20))
        rows.append(
            _medication(make, at, f"remedy{number}", remedy, illness.kind.term, starts, ends)
        )
    return rows


def _medication(
    make: Maker,
    at: datetime,
    key: str,
    remedy: tuple[str, str, str, str],
    indication: str,
    starts: PartialDateTime | None,
    ends: PartialDateTime | None,
    before: bool = False,
) -> r.Medication:
    verbatim, dose, unit, route = remedy
    return r.Medication(
        **make.base(at, "medication", key),
        verbatim=verbatim,
        indication=indication,
        dose=dose,
        dose_unit=unit,
        route=route,
        starts=starts,
        ends=ends,
        before_reference=before,
        ongoing=ends is None,
    )


def _coding(
    make: Maker, at: datetime, kind: str, row: Any, coded_term: str, system_organ_class: str
) -> r.Coding:
    return r.Coding(
        **make.base(at, "coding", row.id),
        record_kind=kind,
        record_id=row.id,
        verbatim=row.verbatim,
        dictionary="Demonstration terms",
        release="1",
        coded_term=coded_term,
        system_organ_class=system_organ_class,
    )
