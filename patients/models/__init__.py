"""People in a trial and what is known of them."""

from patients.models.alert import UNCLOSED, Alert, AlertBreach
from patients.models.base import ClinicalRecord
from patients.models.caregiver import Caregiver
from patients.models.consent import Consent, ConsentDocument, ConsentPurpose, ConsentWithdrawal
from patients.models.decision import ConsentDecision
from patients.models.device import Device, DeviceAssignment
from patients.models.epro import DiaryAnswer, DiaryAssignment, EproReport, QuestionnaireResult
from patients.models.finding import AbstractFinding, DataFinding, DataPoint
from patients.models.gate import UploadGate
from patients.models.identity import Identity, IdentityKey, PatientIdentity
from patients.models.intake import QuarantinedSubmission, ReportProcessing, VitalsUpload
from patients.models.laboratory import LabResult
from patients.models.monitoring import MonitoringPlan
from patients.models.participation import (
    ClinicalFlag,
    Death,
    DispositionEvent,
    PatientProtocolVersion,
    ScreeningAttempt,
    TreatmentState,
)
from patients.models.patient import Patient, PatientSite, PatientUserPermission, PatientZone
from patients.models.protected import (
    Allocation,
    ExposureGiven,
    ProtectedFinding,
    ProtectedRecord,
    SubjectElement,
)
from patients.models.risk_rule import (
    RiskRule,
    RiskRuleCursor,
    RiskRuleDryRun,
    RiskRuleVersion,
)
from patients.models.score import ObservationSet, Score
from patients.models.share import SHAREABLE, PatientShare
from patients.models.source import ProtectedSourceRecord, SourceFile, SourceRecord
from patients.models.treatment import Coding, Exposure, MedicalHistory, Medication
from patients.models.visit import Visit
from patients.models.vital_sample import VitalRollup, VitalSample
from patients.models.vital_sign import VitalSign

__all__ = [
    "SHAREABLE",
    "UNCLOSED",
    "AbstractFinding",
    "Alert",
    "AlertBreach",
    "Allocation",
    "Caregiver",
    "ClinicalFlag",
    "ClinicalRecord",
    "Coding",
    "Consent",
    "ConsentDecision",
    "ConsentDocument",
    "ConsentPurpose",
    "ConsentWithdrawal",
    "DataFinding",
    "DataPoint",
    "Death",
    "Device",
    "DeviceAssignment",
    "DiaryAnswer",
    "DiaryAssignment",
    "DispositionEvent",
    "EproReport",
    "Exposure",
    "ExposureGiven",
    "Identity",
    "IdentityKey",
    "LabResult",
    "MedicalHistory",
    "Medication",
    "MonitoringPlan",
    "ObservationSet",
    "Patient",
    "PatientIdentity",
    "PatientProtocolVersion",
    "PatientShare",
    "PatientSite",
    "PatientUserPermission",
    "PatientZone",
    "ProtectedFinding",
    "ProtectedRecord",
    "ProtectedSourceRecord",
    "QuarantinedSubmission",
    "QuestionnaireResult",
    "ReportProcessing",
    "RiskRule",
    "RiskRuleCursor",
    "RiskRuleDryRun",
    "RiskRuleVersion",
    "Score",
    "ScreeningAttempt",
    "SourceFile",
    "SourceRecord",
    "SubjectElement",
    "TreatmentState",
    "UploadGate",
    "Visit",
    "VitalRollup",
    "VitalSample",
    "VitalSign",
    "VitalsUpload",
]
