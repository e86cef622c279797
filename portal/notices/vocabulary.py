"""Codelists of notices."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Urgency(TextChoices):
    """How soon somebody must know."""

    ROUTINE = "routine", _("Routine")
    URGENT = "urgent", _("Urgent")
    SAFETY = "safety", _("Safety")


class Channel(TextChoices):
    """How a notice reaches for a person."""

    LIVE = "live", _("Open screen")
    EMAIL = "email", _("E-mail")
    PUSH = "push", _("Web push")


class Way(TextChoices):
    """By what a dispatch leaves the house: a letter of its own, or the day's digest."""

    EMAIL = "email", _("E-mail")
    PUSH = "push", _("Web push")
    DIGEST = "digest", _("Daily digest")


class LadderKind(TextChoices):
    """The two ladders (domain.md 8)."""

    MEDICAL = "medical", _("Medical")
    REGULATORY = "regulatory", _("Regulatory")


class Who(TextChoices):
    """Whom a rung names; who that is, is asked when its time comes."""

    ON_CALL = "on_call", _("Investigator on call")
    SECOND_ON_CALL = "second_on_call", _("Second investigator on call")
    PRINCIPAL_INVESTIGATOR = "principal_investigator", _("Principal investigator")
    MEDICAL_MONITOR = "medical_monitor", _("Medical monitor")
    SAFETY_OFFICER = "safety_officer", _("Safety officer")
    SAFETY_TEAM = "safety_team", _("Safety officer and medical monitor")
    DEPUTIES = "deputies", _("Deputies of safety officer and medical monitor")


class EscalationState(TextChoices):
    """Where an escalation stands."""

    RUNNING = "running", _("Running")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    ENDED = "ended", _("No longer needed")


class StepState(TextChoices):
    """Where a step of an escalation stands."""

    PENDING = "pending", _("To come")
    DONE = "done", _("Done")
    SKIPPED = "skipped", _("Not needed")


class DispatchState(TextChoices):
    """Where a letter stands on its way out."""

    PENDING = "pending", _("Waiting")
    DONE = "done", _("Handed over")
    DROPPED = "dropped", _("Not sent")
