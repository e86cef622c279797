"""What the generator emits: one frozen record per row, named as the domain names it.

Instants are aware and in UTC; clinical dates are PartialDateTime; numbers that a person wrote are
text, exactly as written.
"""

from dataclasses import dataclass, field
from typing import Any

from portal.demo.generator.records.base import (
    PatientRow,
    Row,
)
from portal.demo.generator.records.data import (
    Coding,
    Device,
    DeviceAssignment,
    DiaryAnswer,
    DiaryAssignment,
    EproReport,
    Exposure,
    LabResult,
    MedicalHistory,
    Medication,
    Visit,
    VitalSign,
)
from portal.demo.generator.records.design import (
    Arm,
    ConsentDocument,
    ConsentPurpose,
    Epoch,
    Institution,
    Instrument,
    InstrumentSchedule,
    Product,
    ProtocolVersion,
    ReferenceSafetyInformation,
    Site,
    SiteApproval,
    Sponsor,
    Trial,
    VisitPlan,
)
from portal.demo.generator.records.people import (
    Allocation,
    ClinicalFlag,
    Consent,
    ConsentWithdrawal,
    Death,
    Demographics,
    Disposition,
    Patient,
    PatientProtocolVersion,
    PatientSite,
    ScreeningAttempt,
)
from portal.demo.generator.records.safety import (
    AdverseEvent,
    AdverseEventVersion,
    CausalityAssessment,
    EventProduct,
    ExpectednessAssessment,
    SeverityPeriod,
)
from portal.demo.generator.times import Times

__all__ = [
    "AdverseEvent",
    "AdverseEventVersion",
    "Allocation",
    "Arm",
    "CausalityAssessment",
    "ClinicalFlag",
    "Coding",
    "Consent",
    "ConsentDocument",
    "ConsentPurpose",
    "ConsentWithdrawal",
    "Death",
    "Demo",
    "Demographics",
    "Device",
    "DeviceAssignment",
    "DiaryAnswer",
    "DiaryAssignment",
    "Disposition",
    "Epoch",
    "EproReport",
    "EventProduct",
    "ExpectednessAssessment",
    "Exposure",
    "Institution",
    "Instrument",
    "InstrumentSchedule",
    "LabResult",
    "MedicalHistory",
    "Medication",
    "Patient",
    "PatientProtocolVersion",
    "PatientRow",
    "PatientSite",
    "Product",
    "ProtocolVersion",
    "ReferenceSafetyInformation",
    "Row",
    "ScreeningAttempt",
    "SeverityPeriod",
    "Site",
    "SiteApproval",
    "Sponsor",
    "Trial",
    "Visit",
    "VisitPlan",
    "VitalSign",
]


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything, by record kind, in the order in which it can be written."""

    times: Times
    rows: dict[type[Row], list[Any]] = field(default_factory=dict)

    def of(self, kind: type[Row]) -> list[Any]:
        """Return the rows of one kind, in their order."""
        return self.rows.get(kind, [])

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))
