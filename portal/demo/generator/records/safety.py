"""Adverse events and what was judged of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.core.partial_dates import PartialDateTime
from portal.demo.generator.records.base import PatientRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEvent(PatientRow):
    """One verbatim term in one patient; the number is stable."""

    number: int
    treatment_emergent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventVersion(PatientRow):
    """What was known at one time. `seriousness` holds yes, no or unknown by criterion."""

    adverse_event_id: UUID
    number: int
    kind: str
    term: str
    onset: PartialDateTime
    resolved: PartialDateTime | None
    seriousness: dict[str, str]
    serious_as_reported: str
    outcome: str
    narrative: str
    information_received_at: datetime
    site_aware_at: datetime
    sponsor_aware_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityPeriod(PatientRow):
    """How severe the event was, from when to when."""

    adverse_event_id: UUID
    starts: PartialDateTime
    ends: PartialDateTime | None
    scale: str
    value: str
    grade: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventProduct(PatientRow):
    """A product in an event. The trial treatment is named, not what was in the kit."""

    adverse_event_id: UUID
    name: str
    role: str
    action_taken: str
    action_on: PartialDateTime | None
    dechallenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalityAssessment(PatientRow):
    """Somebody's judgment whether the product caused the event."""

    adverse_event_id: UUID
    event_product_id: UUID
    assessor: str
    value: str
    is_related: bool
    assessed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectednessAssessment(PatientRow):
    """Whether the reference safety information lists the event. Protected."""

    adverse_event_id: UUID
    event_product_id: UUID
    information_id: UUID
    jurisdiction: str
    is_expected: bool
    assessed_at: datetime
