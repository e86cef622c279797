"""Codelists of trials. Values are ours in snake_case; the docstrings name the standard's list."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Phase(TextChoices):
    """CDISC TPHASE (C66737)."""

    PRE_CLINICAL = "pre_clinical", _("Pre-clinical")
    PHASE_1 = "phase_1", _("Phase I")
    PHASE_1_2 = "phase_1_2", _("Phase I/II")
    PHASE_2 = "phase_2", _("Phase II")
    PHASE_2_3 = "phase_2_3", _("Phase II/III")
    PHASE_3 = "phase_3", _("Phase III")
    PHASE_4 = "phase_4", _("Phase IV")
    NOT_APPLICABLE = "not_applicable", _("Not applicable")


class TrialStatus(TextChoices):
    """FHIR R4 research-study-status, without its temporary states."""

    PLANNED = "planned", _("Planned")
    ACTIVE = "active", _("Active")
    CLOSED_TO_ACCRUAL = "closed_to_accrual", _("Closed to enrollment")
    COMPLETED = "completed", _("Completed")
    TERMINATED = "terminated", _("Terminated")


class Blinding(TextChoices):
    """CDISC TBLIND (C66735)."""

    OPEN = "open", _("Open label")
    SINGLE = "single", _("Single blind")
    DOUBLE = "double", _("Double blind")


class SiteStatus(TextChoices):
    """Whether patients can be screened; a site is active only after its approvals."""

    PLANNED = "planned", _("Planned")
    ACTIVE = "active", _("Active")
    ON_HOLD = "on_hold", _("On hold")
    CLOSED = "closed", _("Closed")


class ApprovalKind(TextChoices):
    """What a site needs before it starts (ICH E6(R3) 4.3.5)."""

    ETHICS = "ethics", _("Ethics committee")
    AUTHORITY = "authority", _("Competent authority")
    CONTRACT = "contract", _("Contract")
    IMPORT_LICENSE = "import_license", _("Import license")


class AmendmentKind(TextChoices):
    """How a protocol version came about."""

    ORIGINAL = "original", _("Original")
    SUBSTANTIAL = "substantial", _("Substantial amendment")
    NON_SUBSTANTIAL = "non_substantial", _("Non-substantial amendment")
    URGENT = "urgent", _("Urgent safety measure")


class VisitAnchor(TextChoices):
    """What the days of a planned visit are counted from."""

    CONSENT = "consent", _("Consent")
    RANDOMIZATION = "randomization", _("Randomization")
    FIRST_DOSE = "first_dose", _("First dose")
    PREVIOUS_VISIT = "previous_visit", _("Previous visit")


class PlanKind(TextChoices):
    """What a planned visit is for."""

    SCREENING = "screening", _("Screening")
    TREATMENT = "treatment", _("Treatment")
    FOLLOW_UP = "follow_up", _("Follow-up")
    UNSCHEDULED = "unscheduled", _("Unscheduled")
    OTHER = "other", _("Other")


class CriterionKind(TextChoices):
    """CDISC IECAT (C66797)."""

    INCLUSION = "inclusion", _("Inclusion")
    EXCLUSION = "exclusion", _("Exclusion")


class AssignmentScope(TextChoices):
    """What an assignment names."""

    PORTAL = "portal", _("Whole portal")
    SPONSOR = "sponsor", _("Sponsor")
    TRIAL = "trial", _("Trial")
    SITE = "site", _("Site")


class ReviewConclusion(TextChoices):
    """How a review of access ended (ICH E6(R3) 4.3.8)."""

    CONFIRMED = "confirmed", _("Access is as it should be")
    CHANGES_NEEDED = "changes_needed", _("Changes are needed")


class DutyLine(TextChoices):
    """Who is called first, and who when the first does not answer."""

    FIRST = "first", _("First")
    SECOND = "second", _("Second")


class DelegatedTask(TextChoices):
    """Tasks on a site's delegation log (ICH E6(R3) 2.3)."""

    CONSENT = "consent", _("Obtain consent")
    ELIGIBILITY = "eligibility", _("Judge eligibility")
    MEDICAL_ASSESSMENT = "medical_assessment", _("Medical assessment")
    SAFETY_REPORTING = "safety_reporting", _("Report and assess adverse events")
    DATA_ENTRY = "data_entry", _("Enter data")
    QUERY_RESOLUTION = "query_resolution", _("Answer queries")
    DISPENSING = "dispensing", _("Dispense study product")
    SAMPLING = "sampling", _("Take samples and vital signs")
    UNBLINDED_PHARMACY = "unblinded_pharmacy", _("Unblinded pharmacy")
