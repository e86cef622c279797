"""What is measured, asked and given."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal.core.partial_dates import PartialDateTime
from portal.demo.generator.records.base import PatientRow, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(PatientRow):
    """A contact that took place, or that a plan wanted and that did not."""

    plan_id: UUID | None
    number: Decimal | None
    name: str
    kind: str
    contact: str
    starts: PartialDateTime
    ends: PartialDateTime | None
    repeat_key: int
    status: str
    not_done_reason: str
    entered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalSign(PatientRow):
    """One reading: as given, and canonical with the factor used.

    `panel` joins one cuff's two; `observation_set` names an inpatient round.
    """

    visit_id: UUID | None
    code: str
    original_value: str
    original_unit: str
    comparator: str
    value: Decimal | None
    unit: str
    factor: str
    measured_at: PartialDateTime
    measured: datetime
    received_at: datetime
    panel: UUID | None
    position: str
    body_site: str
    method: str
    timepoint: str
    repeat: int
    setting: str
    observation_set: str
    originator: str
    device_id: UUID | None
    status: str
    not_done_reason: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Row):
    """A thing that measures or asks."""

    trial_id: UUID
    site_id: UUID
    kind: str
    model: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAssignment(PatientRow):
    """Who holds a device, from when to when."""

    device_id: UUID
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryAssignment(PatientRow):
    """A diary due on one local day: the window as wall time, zone and UTC."""

    instrument_id: UUID
    local_day: date
    zone: str
    opens_local: str
    closes_local: str
    opens_at: datetime
    closes_at: datetime
    state: str
    missed_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EproReport(PatientRow):
    """A diary as it was sent; `raw` is the original body."""

    submission_id: UUID
    assignment_id: UUID | None
    instrument_id: UUID
    disposition: str
    started_at: datetime
    authored_at: datetime
    saved_at: datetime
    received_at: datetime
    zone: str
    language: str
    app_version: str
    device_id: UUID | None
    originator: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryAnswer(PatientRow):
    """One answer, or why it is missing."""

    report_id: UUID
    item: str
    value: int | bool | str | None
    missing_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResult(PatientRow):
    """One result as reported, with the reference range of that report."""

    visit_id: UUID | None
    code: str
    name: str
    loinc: str
    laboratory: str
    accession: str
    specimen: str
    collected: PartialDateTime
    collected_at: datetime
    resulted_at: datetime
    fasting: str
    result: str
    comparator: str
    value: Decimal | None
    unit: str
    canonical_value: Decimal | None
    canonical_unit: str
    reference_low: str
    reference_high: str
    indicator: str
    status: str
    significance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(PatientRow):
    """Dosing as collected: interval, kit, tablets. What was in the kit is protected."""

    visit_id: UUID | None
    kit_number: str
    starts: PartialDateTime
    ends: PartialDateTime | None
    planned_amount: Decimal
    amount: Decimal
    amount_unit: str
    route: str
    adjusted_reason: str
    interrupted: bool
    product_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Medication(PatientRow):
    """A concomitant medication, verbatim."""

    verbatim: str
    indication: str
    dose: str
    dose_unit: str
    route: str
    starts: PartialDateTime | None
    ends: PartialDateTime | None
    before_reference: bool
    ongoing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicalHistory(PatientRow):
    """A condition before the trial, verbatim."""

    verbatim: str
    starts: PartialDateTime | None
    ends: PartialDateTime | None
    ongoing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding(PatientRow):
    """A verbatim term coded in a dictionary."""

    record_kind: str
    record_id: UUID
    verbatim: str
    dictionary: str
    release: str
    coded_term: str
    system_organ_class: str
