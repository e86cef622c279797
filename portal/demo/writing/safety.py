"""Adverse events, as they stand and by version; what unblinds goes to the protected schema."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from events.models import (
    AdverseEvent,
    AdverseEventVersion,
    CausalityAssessment,
    EventProduct,
    ExpectednessAssessment,
    SeriousnessFact,
    SeverityPeriod,
)
from patients.models import Allocation, ExposureGiven
from portal.access.unblinded import unblinded
from portal.core.bulk import copy_in
from portal.demo.generator import records as r
from portal.demo.generator.times import full
from portal.demo.writing.cast import Cast
from portal.demo.writing.people import Clinical
from portal.demo.writing.setup import Rows

_SCALE = "not related, unlikely, possible, probable"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What hangs on one event."""

    versions: list[r.AdverseEventVersion]
    severity: r.SeverityPeriod
    coding: r.Coding | None
    causality: str


def write_events(demo: r.Demo, cast: Cast, clinical: Clinical) -> None:
    """Write adverse events with everything that the blinded may see."""
    facts = _facts(demo)
    copy_in(AdverseEvent, _events(demo, clinical, facts))
    copy_in(AdverseEventVersion, _versions(demo, cast, clinical, facts))
    copy_in(SeriousnessFact, _criteria(demo, clinical))
    copy_in(SeverityPeriod, _severities(demo, clinical))
    copy_in(EventProduct, _products(demo, clinical))
    copy_in(CausalityAssessment, _causalities(demo, cast, clinical))


def write_protected(demo: r.Demo, cast: Cast, clinical: Clinical) -> None:
    """Write allocation, products as given, expectedness: by the role that may (domain.md 6)."""
    with unblinded():
        copy_in(Allocation, _allocations(demo, clinical))
        copy_in(ExposureGiven, _given(demo, clinical))
        copy_in(ExpectednessAssessment, _expectedness(demo, cast, clinical))


def _facts(demo: r.Demo) -> dict[UUID, _Facts]:
    versions: dict[UUID, list[r.AdverseEventVersion]] = defaultdict(list)
    for version in demo.of(r.AdverseEventVersion):
        versions[version.adverse_event_id].append(version)
    severities = {row.adverse_event_id: row for row in demo.of(r.SeverityPeriod)}
    codings = {row.record_id: row for row in demo.of(r.Coding)}
    causalities = {
        row.adverse_event_id: row.value
        for row in demo.of(r.CausalityAssessment)
        if row.assessor == "investigator"
    }
    return {
        event.id: _Facts(
            versions[event.id],
            severities[event.id],
            codings.get(event.id),
            causalities.get(event.id, ""),
        )
        for event in demo.of(r.AdverseEvent)
    }


def _events(demo: r.Demo, clinical: Clinical, facts: dict[UUID, _Facts]) -> Rows:
    for row in demo.of(r.AdverseEvent):
        known = facts[row.id]
        latest, coding = known.versions[-1], known.coding
        yield {
            **clinical(row),
            "number": row.number,
            "term": latest.term,
            "coded_term": coding.coded_term if coding else "",
            "system_organ_class": coding.system_organ_class if coding else "",
            "onset": latest.onset,
            "resolved": latest.resolved,
            "outcome": latest.outcome,
            "severity_scale": known.severity.scale,
            "severity": known.severity.value,
            "severity_grade": known.severity.grade,
            **latest.seriousness,
            "serious_as_reported": latest.serious_as_reported,
            "causality": known.causality,
            "treatment_emergent": row.treatment_emergent,
            "site_aware_at": min(version.site_aware_at for version in known.versions),
            "sponsor_aware_at": known.versions[0].sponsor_aware_at,
        }


def _versions(demo: r.Demo, cast: Cast, clinical: Clinical, facts: dict[UUID, _Facts]) -> Rows:
    for row in demo.of(r.AdverseEventVersion):
        known = facts[row.adverse_event_id]
        investigator = cast.investigator(row.site_id)
        yield {
            **clinical(row),
            "adverse_event_id": row.adverse_event_id,
            "kind": row.kind,
            "ordinal": row.number,
            "information_received_at": row.information_received_at,
            "site_aware_at": row.site_aware_at,
            "site_aware_stated_by_id": investigator,
            "sponsor_aware_at": row.sponsor_aware_at,
            "sponsor_aware_stated_by_id": (
                cast.safety_officer(row.site_id) if row.sponsor_aware_at else None
            ),
            "reported_by_id": investigator,
            "stated": _stated(row, known),
            "reason": row.reason,
        }


def _stated(row: r.AdverseEventVersion, known: _Facts) -> dict[str, Any]:
    stated = {
        "term": row.term,
        "onset": row.onset.stored,
        "resolved": row.resolved.stored if row.resolved else None,
        "outcome": row.outcome,
        "severity": known.severity.value,
        "severity_grade": known.severity.grade,
        "seriousness": row.seriousness,
        "serious_as_reported": row.serious_as_reported,
        "causality": known.causality,
    }
    return stated | ({"narrative": row.narrative} if row.narrative else {})


def _criteria(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.AdverseEventVersion):
        if row.kind != "initial":
            continue
        for criterion in (name for name, answer in row.seriousness.items() if answer == "yes"):
            yield {
                **clinical(row),
                "id": demo.times.key(row.created_at, "criterion", row.id, criterion),
                "adverse_event_id": row.adverse_event_id,
                "criterion": criterion,
                "answer": "yes",
                "met_on": row.onset,
                "known_at": row.site_aware_at,
            }


def _severities(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.SeverityPeriod):
        yield {
            **clinical(row),
            "adverse_event_id": row.adverse_event_id,
            "started": row.starts,
            "ended": row.ends,
            "scale": row.scale,
            "scale_version": "5.0" if row.scale == "ctcae" else "",
            "severity": row.value,
            "grade": row.grade,
        }


def _products(demo: r.Demo, clinical: Clinical) -> Rows:
    """The study treatment is named as such: which product it was is protected."""
    for row in demo.of(r.EventProduct):
        yield {
            **clinical(row),
            "adverse_event_id": row.adverse_event_id,
            "product_name": row.name,
            "role": row.role,
            "action_taken": row.action_taken,
            "action_on": row.action_on,
            "dechallenge": row.dechallenge,
        }


def _causalities(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    for row in demo.of(r.CausalityAssessment):
        by_site = row.assessor == "investigator"
        yield {
            **clinical(row),
            "adverse_event_id": row.adverse_event_id,
            "event_product_id": row.event_product_id,
            "assessor": row.assessor,
            "scale": _SCALE,
            "value": row.value,
            "is_related": row.is_related,
            "assessed_by_id": (
                cast.investigator(row.site_id) if by_site else cast.safety_officer(row.site_id)
            ),
            "assessed_at": row.assessed_at,
        }


def _allocations(demo: r.Demo, clinical: Clinical) -> Rows:
    zones = {site.id: site.time_zone for site in demo.of(r.Site)}
    for row in demo.of(r.Allocation):
        yield {
            **clinical(row),
            "planned_arm_id": row.arm_id,
            "actual_arm_id": row.arm_id,
            "allocated": full(row.created_at, zones[row.site_id]),
        }


def _given(demo: r.Demo, clinical: Clinical) -> Iterator[dict[str, Any]]:
    products = {product.id: product for product in demo.of(r.Product)}
    for row in demo.of(r.Exposure):
        product = products[row.product_id]
        yield {
            **clinical(row),
            "id": demo.times.key(row.created_at, "given", row.id),
            "exposure_id": row.id,
            "product_id": product.id,
            "product_name": product.name,
            "dose": product.dose_mg,
            "dose_unit": "mg",
        }


def _expectedness(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    products = {one.id: one.product_id for one in demo.of(r.ReferenceSafetyInformation)}
    for row in demo.of(r.ExpectednessAssessment):
        yield {
            **clinical(row),
            "adverse_event_id": row.adverse_event_id,
            "product_id": products[row.information_id],
            "reference_id": row.information_id,
            "jurisdiction": row.jurisdiction,
            "is_expected": row.is_expected,
            "assessed_by_id": cast.safety_officer(row.site_id),
            "assessed_at": row.assessed_at,
        }
