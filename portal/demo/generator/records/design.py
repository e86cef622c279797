"""What the protocol says and where it runs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal.demo.generator.records.base import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsor(Row):
    """A tenant."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution(Row):
    """A hospital. `country` is ISO 3166-1 alpha-3."""

    name: str
    city: str
    country: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Row):
    """A trial; `blinding` is open, single or double."""

    sponsor_id: UUID
    number: str
    title: str
    phase: str
    status: str
    blinding: str
    safety_zone: str
    registry_ids: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolVersion(Row):
    """One version of a trial's protocol."""

    trial_id: UUID
    number: str
    amendment_kind: str
    effective_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch(Row):
    """A period of the trial's design: screening, treatment, follow-up."""

    trial_id: UUID
    protocol_version_id: UUID
    oid: str
    name: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm(Row):
    """A treatment group as planned. Who is in it is an Allocation, which is protected."""

    trial_id: UUID
    protocol_version_id: UUID
    code: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Row):
    """An investigational product; doses in mg."""

    trial_id: UUID
    code: str
    name: str
    kind: str
    dose_mg: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSafetyInformation(Row):
    """The list of expected reactions of a product in force from a day."""

    product_id: UUID
    version: str
    country: str
    effective_from: date
    expected_terms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPlan(Row):
    """A planned visit: study day with a window in days, counted from its anchor."""

    trial_id: UUID
    protocol_version_id: UUID
    oid: str
    number: Decimal
    name: str
    kind: str
    contact: str
    anchor: str
    day: int
    days_before: int
    days_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument(Row):
    """A questionnaire in one version with its definition."""

    code: str
    version: str
    title: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSchedule(Row):
    """When an instrument is due in a trial: a window of wall time on every so many study days."""

    trial_id: UUID
    protocol_version_id: UUID
    instrument_id: UUID
    oid: str
    opens_local: str
    closes_local: str
    every_days: int
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Row):
    """One institution in one trial; `number` counts the demo's sites from 1."""

    trial_id: UUID
    institution_id: UUID
    number: int
    code: str
    country: str
    time_zone: str
    status: str
    activated_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteApproval(Row):
    """An approval of a protocol version at a site; `kind` is ethics, authority or contract."""

    site_id: UUID
    protocol_version_id: UUID
    kind: str
    approved_on: date
    effective_on: date
    expires_on: date | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDocument(Row):
    """One version of the consent form in one language for one site."""

    trial_id: UUID
    site_id: UUID
    protocol_version_id: UUID
    version: str
    language: str
    approved_on: date
    effective_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPurpose(Row):
    """One thing that a consent form asks."""

    trial_id: UUID
    document_id: UUID
    code: str
    name: str
    required: bool
