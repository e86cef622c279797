"""Patients and their participation."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.core.partial_dates import PartialDateTime
from portal.demo.generator.records.base import PatientRow, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient(Row):
    """One person in one trial."""

    trial_id: UUID
    site_id: UUID
    subject_number: str
    usubjid: str
    protocol_version_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSite(PatientRow):
    """Where the patient is looked after, from when."""

    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientProtocolVersion(PatientRow):
    """Under which protocol version the patient is, from when."""

    protocol_version_id: UUID
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demographics(PatientRow):
    """Who the person is, without identity."""

    sex: str
    age: int
    age_unit: str
    birth_year: int | None
    race: tuple[str, ...]
    ethnicity: str | None
    country: str
    missing: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalFlag(PatientRow):
    """A dated clinical fact that rules must know, such as a pacemaker."""

    kind: str
    starts: PartialDateTime
    ends: PartialDateTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningAttempt(PatientRow):
    """One screening; re-screening adds another."""

    number: int
    started: PartialDateTime
    ended: PartialDateTime | None
    result: str | None
    criteria_failed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition(PatientRow):
    """What became of the patient in an epoch."""

    epoch: str
    category: str
    term: str
    verbatim: str
    occurred: PartialDateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Death(PatientRow):
    """That the person died, when, and who says so."""

    died: PartialDateTime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(PatientRow):
    """A signed consent with its choices by purpose."""

    document_id: UUID
    choices: dict[str, bool]
    signed_at: datetime
    signed: PartialDateTime
    signer: str
    copy_given: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawal(PatientRow):
    """The end of a consent for some purposes."""

    consent_id: UUID
    purposes: tuple[str, ...]
    withdrawn_at: datetime
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(PatientRow):
    """Protected: the arm that was drawn."""

    arm_id: UUID
    product_id: UUID
