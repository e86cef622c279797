"""Codelists of adverse events. Values are ours; docstrings name the standard's list."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Seriousness(TextChoices):
    """The six criteria of ICH E2A; E2B(R3) E.i.3.2a-f."""

    DEATH = "death", _("Results in death")
    LIFE_THREATENING = "life_threatening", _("Life-threatening")
    HOSPITALIZATION = "hospitalization", _("Hospitalization or its prolongation")
    DISABILITY = "disability", _("Disability or incapacity")
    CONGENITAL_ANOMALY = "congenital_anomaly", _("Congenital anomaly or birth defect")
    OTHER_MEDICALLY_IMPORTANT = "other_medically_important", _("Other medically important")


class VersionKind(TextChoices):
    """What a version of an adverse event brings (domain.md 5)."""

    INITIAL = "initial", _("Initial report")
    FOLLOW_UP = "follow_up", _("Follow-up: new medical information")
    CORRECTION = "correction", _("Correction: no new medical information")
    NULLIFICATION = "nullification", _("Nullification")


class Judgment(TextChoices):
    """Whose the medical judgments of a version are (domain.md 3)."""

    NONE = "", _("None stated")
    BY_PHYSICIAN = "by_physician", _("By a physician")
    TRANSCRIBED = "transcribed", _("Transcribed, to be confirmed")
    CONFIRMED = "confirmed", _("Transcribed and confirmed")


class Outcome(TextChoices):
    """CDISC OUT (C66768)."""

    RECOVERED = "recovered", _("Recovered")
    RECOVERING = "recovering", _("Recovering")
    NOT_RECOVERED = "not_recovered", _("Not recovered")
    WITH_SEQUELAE = "with_sequelae", _("Recovered with sequelae")
    FATAL = "fatal", _("Fatal")
    UNKNOWN = "unknown", _("Unknown")


class SeverityScale(TextChoices):
    """Intensity is not seriousness (CT-01)."""

    MILD_MODERATE_SEVERE = "mild_moderate_severe", _("Mild, moderate, severe")
    CTCAE = "ctcae", _("CTCAE grade")


class Severity(TextChoices):
    """CDISC AESEV (C66769)."""

    MILD = "mild", _("Mild")
    MODERATE = "moderate", _("Moderate")
    SEVERE = "severe", _("Severe")


GRADES = ("1", "2", "3", "4", "5")
# Intensity by either scale, as a client states it.
INTENSITIES = [*Severity.choices, *((grade, f"CTCAE {grade}") for grade in GRADES)]


class ProductRole(TextChoices):
    """E2B(R3) G.k.1."""

    SUSPECT = "suspect", _("Suspect")
    INTERACTING = "interacting", _("Interacting")
    CONCOMITANT = "concomitant", _("Concomitant")


class ActionTaken(TextChoices):
    """CDISC ACN (C66767)."""

    DOSE_INCREASED = "dose_increased", _("Dose increased")
    DOSE_NOT_CHANGED = "dose_not_changed", _("Dose not changed")
    DOSE_REDUCED = "dose_reduced", _("Dose reduced")
    INTERRUPTED = "interrupted", _("Product interrupted")
    WITHDRAWN = "withdrawn", _("Product withdrawn")
    NOT_APPLICABLE = "not_applicable", _("Not applicable")
    UNKNOWN = "unknown", _("Unknown")


class Assessor(TextChoices):
    """Who judged."""

    INVESTIGATOR = "investigator", _("Investigator")
    SPONSOR = "sponsor", _("Sponsor")


class CandidateState(TextChoices):
    """How a candidate adverse event stands."""

    OPEN = "open", _("Open")
    CONFIRMED = "confirmed", _("Confirmed")
    DISMISSED = "dismissed", _("No adverse event")
