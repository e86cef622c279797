"""What every emitted row has."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Every row has a key and the instant at which it reached the portal."""

    id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow(Row):
    """A row about one patient, captured at one site."""

    patient_id: UUID
    site_id: UUID
