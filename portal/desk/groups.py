"""The desk's front page and sidebar are grouped by work, not by app."""

from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Group(StrEnum):
    """A kind of work, in the order in which the desk shows it."""

    PATIENTS = "patients"
    SAFETY = "safety"
    MEASUREMENTS = "measurements"
    FINDINGS = "findings"
    NOTICES = "notices"
    TRIALS = "trials"
    PEOPLE = "people"
    AUDIT = "audit"
    UNBLINDED = "unblinded"

    @property
    def title(self) -> "str | Promise":
        """The heading."""
        return _WORDS[self][0]

    @property
    def description(self) -> "str | Promise":
        """One line under the heading."""
        return _WORDS[self][1]


_WORDS: dict[Group, tuple[Any, Any]] = {
    Group.PATIENTS: (
        _("Patients and visits"),
        _("Who takes part, since when, and what was agreed"),
    ),
    Group.SAFETY: (_("Safety"), _("Adverse events and how they were judged")),
    Group.MEASUREMENTS: (
        _("Measurements and reports"),
        _("Vital signs, laboratory, diaries, treatment"),
    ),
    Group.FINDINGS: (
        _("Findings and sources"),
        _("What needs someone to act, and where values came from"),
    ),
    Group.NOTICES: (_("Notices"), _("Who was told of what, by which way, and who has it")),
    Group.TRIALS: (_("Trials and sites"), _("What the protocol says and where it runs")),
    Group.PEOPLE: (_("People and access"), _("Accounts, assignments, delegations, sessions")),
    Group.AUDIT: (_("Audit trail"), _("What was done without changing a row, and the seals")),
    Group.UNBLINDED: (
        _("Unblinded only"),
        _("Allocation and treatment as given: every look is recorded"),
    ),
}
