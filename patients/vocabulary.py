"""Codelists of patients and their data. Values are ours; docstrings name the standard's list."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class Participation(TextChoices):
    """Where a patient stands in the trial; derived from facts by patients.rules."""

    SCREENING = "screening", _("Screening")
    SCREEN_FAILED = "screen_failed", _("Screen failed")
    ENROLLED = "enrolled", _("Enrolled")
    RANDOMIZED = "randomized", _("Randomized")
    IN_FOLLOW_UP = "in_follow_up", _("In follow-up")
    COMPLETED = "completed", _("Completed")
    DISCONTINUED = "discontinued", _("Discontinued")
    LOST_TO_FOLLOW_UP = "lost_to_follow_up", _("Lost to follow-up")


class Treatment(TextChoices):
    """Whether the patient takes the study product; derived from exposure and disposition."""

    NOT_STARTED = "not_started", _("Not started")
    ON = "on", _("On treatment")
    INTERRUPTED = "interrupted", _("Interrupted")
    STOPPED = "stopped", _("Stopped")
    COMPLETED = "completed", _("Completed")


class VitalStatus(TextChoices):
    """Alive as of the last contact, dead, or unknown."""

    ALIVE = "alive", _("Alive")
    DEAD = "dead", _("Dead")
    UNKNOWN = "unknown", _("Unknown")


class Sex(TextChoices):
    """CDISC SEX (C66731)."""

    FEMALE = "F", _("Female")
    MALE = "M", _("Male")
    UNDIFFERENTIATED = "UNDIFFERENTIATED", _("Undifferentiated")
    UNKNOWN = "U", _("Unknown")


class YesNoUnknown(TextChoices):
    """A fact that may not be known."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    UNKNOWN = "unknown", _("Unknown")


class ScreeningResult(TextChoices):
    """How a screening attempt ended."""

    PENDING = "pending", _("Pending")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


class FlagKind(TextChoices):
    """Dated facts that change how readings are judged (domain.md 4, 7)."""

    HYPERCAPNIC_TARGET = "hypercapnic_target", _("Hypercapnic target saturation (scale 2)")
    BASELINE_CONFUSION = "baseline_confusion", _("Confusion at baseline")
    PREGNANCY = "pregnancy", _("Pregnancy")
    NOT_PREGNANT = "not_pregnant", _("Not pregnant (tested, or not possible)")
    SPINAL_CORD_INJURY = "spinal_cord_injury", _("Spinal cord injury")
    PACEMAKER = "pacemaker", _("Pacemaker")


class ConsentPurposeCode(TextChoices):
    """What is consented to."""

    MAIN = "main", _("Taking part in the trial")
    BIOBANK = "biobank", _("Biobank")
    GENETICS = "genetics", _("Genetic research")
    FUTURE_USE = "future_use", _("Future use of data")
    CONTACT = "contact", _("Contact about later studies")


class SignerKind(TextChoices):
    """Who signed."""

    PARTICIPANT = "participant", _("Participant")
    REPRESENTATIVE = "representative", _("Legal representative")
    WITNESS = "witness", _("Impartial witness")


class VisitKind(TextChoices):
    """What a visit is."""

    PLANNED = "planned", _("Planned")
    UNSCHEDULED = "unscheduled", _("Unscheduled")
    REPEAT = "repeat", _("Repeat")
    EARLY_TERMINATION = "early_termination", _("Early termination")
    FOLLOW_UP = "follow_up", _("Follow-up")


class ContactMode(TextChoices):
    """CDISC CNTMODE, in the words of domain.md."""

    ON_SITE = "on_site", _("On site")
    PHONE = "phone", _("By phone")
    HOME = "home", _("At home")
    VIDEO = "video", _("By video")


class VitalCode(TextChoices):
    """The vital signs that the portal understands (domain.md 7; LOINC stands beside each)."""

    HEART_RATE = "heart_rate", _("Heart rate")  # 8867-4
    PULSE_RATE = "pulse_rate", _("Pulse rate")  # 8889-8, 8893-0
    SYSTOLIC_BP = "systolic_bp", _("Systolic blood pressure")  # 8480-6
    DIASTOLIC_BP = "diastolic_bp", _("Diastolic blood pressure")  # 8462-4
    MEAN_ARTERIAL_PRESSURE = "mean_arterial_pressure", _("Mean arterial pressure")  # 8478-0
    RESPIRATORY_RATE = "respiratory_rate", _("Respiratory rate")  # 9279-1
    SPO2 = "spo2", _("Oxygen saturation")  # 2708-6, 59408-5
    TEMPERATURE = "temperature", _("Body temperature")  # 8310-5
    WEIGHT = "weight", _("Weight")  # 29463-7
    HEIGHT = "height", _("Height")  # 8302-2
    BMI = "bmi", _("Body mass index")  # 39156-5
    BLOOD_GLUCOSE = "blood_glucose", _("Blood glucose")  # 15074-8
    CONSCIOUSNESS = "consciousness", _("Consciousness (ACVPU)")  # 80288-4
    SUPPLEMENTAL_OXYGEN = "supplemental_oxygen", _("Supplemental oxygen")
    OXYGEN_FLOW_RATE = "oxygen_flow_rate", _("Oxygen flow rate")  # 3151-8
    FIO2 = "fio2", _("Fraction of inspired oxygen")  # 3150-0
    OXYGEN_DEVICE = "oxygen_device", _("Oxygen device")
    PAIN_SCORE = "pain_score", _("Pain score")  # 72514-3


class ReadingStatus(TextChoices):
    """FHIR observation-status, the part that readings use."""

    FINAL = "final", _("Final")
    PRELIMINARY = "preliminary", _("Preliminary")
    ARTIFACT = "artifact", _("Artifact")
    ENTERED_IN_ERROR = "entered_in_error", _("Entered in error")


class RollupLevel(IntegerChoices):
    """How long the buckets of roll-ups are, in seconds."""

    MINUTE = 60, _("Minute")
    HOUR = 3600, _("Hour")
    DAY = 86_400, _("Day")


class Position(TextChoices):
    """CDISC POSITION (C71148), the part that readings use."""

    SUPINE = "supine", _("Supine")
    SITTING = "sitting", _("Sitting")
    STANDING = "standing", _("Standing")
    SEMI_RECUMBENT = "semi_recumbent", _("Semi-recumbent")
    LEFT_LATERAL = "left_lateral", _("Left lateral")


class Originator(TextChoices):
    """Who or what made a datum (FDA-06)."""

    PARTICIPANT = "participant", _("Participant")
    CAREGIVER = "caregiver", _("Caregiver")
    STAFF = "staff", _("Staff")
    DEVICE = "device", _("Device")


class EntrySource(TextChoices):
    """How a clinical row came in."""

    EPRO = "epro", _("Phone diary")
    DEVICE = "device", _("Device")
    FORM = "form", _("Form")
    IMPORT = "import", _("Import")
    DEMO = "demo", _("Demonstration")


class Disposition(TextChoices):
    """What intake found of a report, judged at the time it was written (domain.md 1)."""

    ACCEPTED = "accepted", _("Accepted")
    LATE = "late", _("Late")
    OUTSIDE_CONSENT = "outside_consent", _("Outside consent")
    AFTER_END = "after_end", _("After the end of participation")
    UNASSIGNED = "unassigned", _("Not assigned")
    UNKNOWN_VERSION = "unknown_version", _("Unknown instrument version")


class ReportStatus(TextChoices):
    """How far a report has come."""

    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    PROCESSED = "processed", _("Processed")
    FAILED = "failed", _("Failed")
    QUARANTINED = "quarantined", _("Quarantined")


class UploadResource(TextChoices):
    """What was uploaded."""

    EPRO_REPORT = "epro_report", _("Diary report")
    VITALS_UPLOAD = "vitals_upload", _("Upload of readings")


class QuarantineReason(TextChoices):
    """Why what came in was set aside (domain.md 1, 4)."""

    REFUSED = "refused", _("Refused for its form or its patient")
    SUBMISSION_CONFLICT = "submission_conflict", _("Other content under a known submission")
    DEVICE_OF_ANOTHER = "device_of_another", _("Device held by somebody else or nobody")


class MissingReason(TextChoices):
    """Why an answer is missing."""

    DECLINED = "declined", _("Declined")
    NOT_SHOWN = "not_shown", _("Not shown")
    TECHNICAL = "technical", _("Technical problem")
    SKIPPED = "skipped", _("Skipped")
    NOT_ANSWERED = "not_answered", _("Not answered")


class DiaryState(TextChoices):
    """How a diary day stands (PRO-07)."""

    SCHEDULED = "scheduled", _("Scheduled")
    COMPLETED = "completed", _("Completed")
    LATE = "late", _("Completed late")
    MISSED = "missed", _("Missed")
    EXCUSED = "excused", _("Excused")


class LaboratoryKind(TextChoices):
    """Where a sample was analyzed."""

    LOCAL = "local", _("Local")
    CENTRAL = "central", _("Central")
    UNKNOWN = "unknown", _("Unknown")


class ResultStatus(TextChoices):
    """FHIR observation-status, the part that laboratory results use."""

    PRELIMINARY = "preliminary", _("Preliminary")
    FINAL = "final", _("Final")
    CORRECTED = "corrected", _("Corrected")
    CANCELED = "canceled", _("Canceled")


# The method of what a bedside monitor sends second by second: kept as samples (VitalSample).
CONTINUOUS = "continuous"


class Comparator(TextChoices):
    """A value beyond what could be measured."""

    BELOW = "<", _("below")
    ABOVE = ">", _("above")


class FindingSeverity(TextChoices):
    """How bad a finding is; lists open with safety."""

    SAFETY = "safety", _("Safety")
    MAJOR = "major", _("Major")
    MINOR = "minor", _("Minor")
    INFO = "info", _("For information")


class FindingState(TextChoices):
    """What became of a finding."""

    OPEN = "open", _("Open")
    EXPLAINED = "explained", _("Explained")
    RESOLVED = "resolved", _("Resolved")


class IdentityPurpose(TextChoices):
    """Why somebody looks at who a patient is; recorded with every look (PV-03)."""

    CONTACT = "contact", _("To reach the patient")
    CARE = "care", _("To treat the patient")
    CONSENT = "consent", _("For consent")
    SAFETY = "safety", _("For the patient's safety")
    SOURCE_CHECK = "source_check", _("To compare with the patient's file")
    CORRECTION = "correction", _("To correct the identity")
    OTHER_TRIALS = "other_trials", _("To see other trials of the person")


class ErasureBasis(TextChoices):
    """Why personal data are erased (PV-05; GDPR Art. 17, ICH E6(R3) 4.2.2(b))."""

    REQUEST = "request", _("The person asked for it")
    WITHDRAWAL = "withdrawal", _("Consent to keep it was withdrawn")
    RETENTION_ENDED = "retention_ended", _("The time for which it must be kept is over")
    MISTAKE = "mistake", _("It was recorded by mistake")


class ErasedPart(TextChoices):
    """What is erased of an identity: how to reach the person, or all that says who it is."""

    CONTACT = "contact", _("Contact data")
    EVERYTHING = "everything", _("The whole identity")


class Relation(TextChoices):
    """How a caregiver is related to the patient."""

    PARENT = "parent", _("Parent")
    GUARDIAN = "guardian", _("Legal guardian")
    SPOUSE = "spouse", _("Spouse or partner")
    CHILD = "child", _("Child")
    RELATIVE = "relative", _("Other relative")
    PROFESSIONAL = "professional", _("Professional caregiver")
    OTHER = "other", _("Other")


class CareSetting(TextChoices):
    """Where the patients of a site's monitoring plan are."""

    INPATIENT = "inpatient", _("Inpatient")
    OUTPATIENT = "outpatient", _("Outpatient")
    HOME = "home", _("At home")


class RuleKind(TextChoices):
    """What a risk rule looks at (domain.md 8)."""

    THRESHOLD = "threshold", _("Value beyond a threshold")
    CHANGE = "change", _("Change from baseline")
    JUMP = "jump", _("Implausible jump")
    ANSWER = "answer", _("Answer to a safety item")
    NEWS2 = "news2", _("NEWS2 band")
    MISSING_DIARIES = "missing_diaries", _("Missing diaries in a row")
    DUPLICATE_DEVICE = "duplicate_device", _("Device of somebody else")


MEDICAL_RULES = frozenset({RuleKind.THRESHOLD, RuleKind.CHANGE, RuleKind.ANSWER, RuleKind.NEWS2})


class RuleState(TextChoices):
    """How far a version of a risk rule has come."""

    DRAFT = "draft", _("Draft")
    DRY_RUN = "dry_run", _("Tried on history")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class DryRunState(TextChoices):
    """How a dry run stands."""

    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    CANCELED = "canceled", _("Canceled")
    FAILED = "failed", _("Failed")


class AlertState(TextChoices):
    """How an alert stands: acknowledged means "I have it", closed means assessed."""

    OPEN = "open", _("Open")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    CLOSED = "closed", _("Closed")


class ScoreEligibility(TextChoices):
    """Whether NEWS2 may be computed for a patient (domain.md 7)."""

    ELIGIBLE = "eligible", _("Eligible")
    NOT_ELIGIBLE_AGE = "not_eligible_age", _("Under 16 years")
    NOT_ELIGIBLE_PREGNANT = "not_eligible_pregnant", _("Pregnant")
    NOT_ELIGIBLE_SPINAL_CORD_INJURY = (
        "not_eligible_spinal_cord_injury",
        _("Spinal cord injury"),
    )
    NOT_ELIGIBLE_SETTING = "not_eligible_setting", _("Not turned on for the site")
    NOT_ELIGIBLE_UNKNOWN = "not_eligible_unknown", _("Not known")
