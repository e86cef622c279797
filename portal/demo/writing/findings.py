"""What a data manager would find in the demo: the rules of an import, on the demo's rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from patients.models import DataFinding, DataPoint
from patients.rules.vital_table import VITAL_CODES
from portal.core.bulk import copy_in
from portal.core.partial_dates import PartialDateTime
from portal.demo.generator import records as r
from portal.demo.generator.times import local_day
from portal.demo.writing.setup import Rows
from portal.exchange.sdtm.rules.catalog import RULES
from portal.exchange.sdtm.rules.events import is_onset_undecidable


@dataclass(frozen=True, slots=True)
class _Found:
    rule: str
    patient_id: UUID
    resource: str
    record_id: UUID
    field: str
    at: datetime
    parts: dict[str, str]


def write_findings(demo: r.Demo) -> None:
    """Write the findings with the addresses of the values that they are about."""
    found = [*_implausible(demo), *_contradictory(demo), *_undecidable(demo), *_off_plan(demo)]
    copy_in(DataPoint, _points(demo, found))
    copy_in(DataFinding, _findings(demo, found))


def _implausible(demo: r.Demo) -> Iterator[_Found]:
    for row in demo.of(r.VitalSign):
        if "implausible" not in row.flags:
            continue
        measure = VITAL_CODES[row.code]
        parts = {"code": row.code, "value": row.original_value, "unit": row.unit}
        parts |= {"low": str(measure.low), "high": str(measure.high)}
        yield _found("outside_physical_limits", row, "vital_sign", row.id, "value", parts)


def _contradictory(demo: r.Demo) -> Iterator[_Found]:
    for row in demo.of(r.AdverseEventVersion):
        criteria = [name for name, answer in row.seriousness.items() if answer == "yes"]
        if row.kind != "initial" or not criteria or row.serious_as_reported != "no":
            continue
        yield _found(
            "seriousness_criterion_without_serious_flag",
            row,
            "adverse_event",
            row.adverse_event_id,
            "serious_as_reported",
            {"criteria": ", ".join(criteria)},
        )


def _undecidable(demo: r.Demo) -> Iterator[_Found]:
    first_doses: dict[UUID, PartialDateTime] = {}
    for row in demo.of(r.Exposure):
        first_doses.setdefault(row.patient_id, row.starts)
    for row in demo.of(r.AdverseEventVersion):
        dose = first_doses.get(row.patient_id)
        if row.kind == "initial" and dose and is_onset_undecidable(row.onset, dose):
            parts = {"onset": str(row.onset), "first_dose": str(dose)}
            rule = "onset_undecidable_against_first_dose"
            yield _found(rule, row, "adverse_event", row.adverse_event_id, "onset", parts)


def _off_plan(demo: r.Demo) -> Iterator[_Found]:
    plans = {plan.id: plan for plan in demo.of(r.VisitPlan)}
    zones = {site.id: site.time_zone for site in demo.of(r.Site)}
    randomized = {row.patient_id: row.created_at for row in demo.of(r.Allocation)}
    for row in demo.of(r.Visit):
        plan = plans.get(row.plan_id)
        if plan is None or plan.anchor == "consent" or row.status != "done":
            continue
        zone = zones[row.site_id]
        day_one = local_day(randomized[row.patient_id], zone)
        day = (local_day(row.starts.earliest, zone) - day_one).days + 1
        early, late = plan.day - plan.days_before, plan.day + plan.days_after
        if not early <= day <= late:
            why = f"day {day} is outside the window from day {early} to day {late}"
            parts = {"visit": row.name, "why": why}
            rule = "visit_claims_plan_it_does_not_fit"
            yield _found(rule, row, "visit", row.id, "started", parts)


def _found(
    rule: str, row: Any, resource: str, record_id: UUID, field: str, parts: dict[str, str]
) -> _Found:
    return _Found(rule, row.patient_id, resource, record_id, field, row.created_at, parts)


def _points(demo: r.Demo, found: list[_Found]) -> Rows:
    for one in found:
        yield {
            "id": _point_key(demo, one),
            "created_at": one.at,
            "patient_id": one.patient_id,
            "record_type": one.resource,
            "record_id": one.record_id,
            "field": one.field,
        }


def _findings(demo: r.Demo, found: list[_Found]) -> Rows:
    for one in found:
        rule = RULES[one.rule]
        yield {
            "id": demo.times.key(one.at, "finding", one.rule, one.record_id),
            "created_at": one.at,
            "patient_id": one.patient_id,
            "rule": rule.id,
            "severity": rule.severity.value,
            "owner_role": rule.owner,
            "message": rule.message.format(**one.parts),
            "facts": {"parts": one.parts},
            "resource": one.resource,
            "record_id": one.record_id,
            "data_point_id": _point_key(demo, one),
        }


def _point_key(demo: r.Demo, one: _Found) -> UUID:
    return demo.times.key(one.at, "point", one.record_id, one.field)
