"""Alerts: what a risk rule found, who has it, and how a physician judged it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import PLACE, STAY, ClinicalRecord
from patients.models.patient import Patient
from patients.models.risk_rule import RiskRule, RiskRuleVersion
from patients.vocabulary import AlertState, RuleKind
from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import announce_rows
from trials.models import Site, Trial

UNCLOSED = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


def _person(label: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=label,
        db_index=False,
    )


@tracked(clinical=True)
class Alert(ClinicalRecord):
    """One rule fired for one patient. While it is not closed, further breaches append to it.

    `facts` are the values that fired it. `reported_late`: they were old when they came, so no
    screen sounds for it. Acknowledging says "I have it"; only an assessment closes.
    """

    rule = models.ForeignKey(
        RiskRule, models.PROTECT, related_name="alerts", verbose_name=_("rule"), db_index=False
    )
    rule_version = models.ForeignKey(
        RiskRuleVersion, models.PROTECT, related_name="+", verbose_name=_("version of the rule")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=RuleKind.choices)
    is_medical = models.BooleanField(_("medical"), default=True)
    state = models.CharField(
        _("state"), max_length=12, choices=AlertState.choices, default=AlertState.OPEN
    )
    facts = models.JSONField(_("what fired it"), default=dict)
    reported_late = models.BooleanField(_("reported late"), default=False)
    observed_at = models.DateTimeField(_("observed"))
    raised_at = models.DateTimeField(_("raised"))
    last_fired_at = models.DateTimeField(_("last fired"))
    due_at = models.DateTimeField(_("to be acknowledged by"))
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = _person(_("acknowledged by"))
    comment = models.TextField(_("comment"), blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = _person(_("closed by"))
    assessment = models.TextField(_("assessment"), blank=True)
    was_actionable = models.BooleanField(_("called for action"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "rule"],
                condition=Q(state__in=UNCLOSED),
                name="one_open_alert_of_a_patient_and_rule",
            ),
            one_of("state", AlertState.values, name="alert_state_is_known"),
            one_of("kind", RuleKind.values, name="alert_kind_is_known"),
            both_or_neither(
                "acknowledged_at", "acknowledged_by", name="alert_acknowledged_by_and_at"
            ),
            both_or_neither("closed_at", "closed_by", name="alert_closed_by_and_at"),
            CheckConstraint(
                condition=~Q(state=AlertState.ACKNOWLEDGED) | Q(acknowledged_at__isnull=False),
                name="an_acknowledged_alert_names_who_has_it",
            ),
            CheckConstraint(
                condition=Q(state=AlertState.CLOSED, closed_at__isnull=False) & ~Q(assessment="")
                | ~Q(state=AlertState.CLOSED) & Q(closed_at__isnull=True),
                name="an_alert_is_closed_with_an_assessment",
            ),
            CheckConstraint(
                condition=Q(due_at__gte=F("raised_at")), name="an_alert_is_due_after_it_was_raised"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "-created_at", "-id"], name="alert_of_patient"),
            Index(fields=["site", "-created_at", "-id"], name="alert_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="alert_by_trial"),
            Index(fields=["-created_at", "-id"], name="alert_newest"),
            Index(fields=["rule", "-created_at"], name="alert_of_rule"),
            Index(fields=["due_at"], condition=Q(state=AlertState.OPEN), name="alert_due"),
        ]
        triggers: ClassVar[list[Any]] = [*ClinicalRecord.Meta.triggers, *announce_rows("alert")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.raised_at:%Y-%m-%d}"


@tracked(clinical=True)
class AlertBreach(VersionedModel):
    """One value that a version of a rule found beyond its set value.

    `has_fired`: it raised or renewed the alert; else it was only appended. `withdrawn_at`: a value
    that came late shows that the rule was not met; what people were told stays told.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    alert = models.ForeignKey(
        Alert, models.PROTECT, related_name="breaches", verbose_name=_("alert")
    )
    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", verbose_name=_("patient"), db_index=False
    )
    trial = models.ForeignKey(
        Trial,
        models.PROTECT,
        related_name="+",
        verbose_name=_("trial"),
        editable=False,
        db_index=False,
    )
    site = models.ForeignKey(
        Site, models.PROTECT, related_name="+", verbose_name=_("site"), db_index=False
    )
    rule_version = models.ForeignKey(
        RiskRuleVersion,
        models.PROTECT,
        related_name="+",
        verbose_name=_("version of the rule"),
        db_index=False,
    )
    resource = models.CharField(_("record"), max_length=40)
    record_id = models.UUIDField(_("record id"))
    # The upload that brought the value, for its status.
    upload_id = models.UUIDField(_("upload"), null=True, editable=False)
    observed_at = models.DateTimeField(_("observed"))
    received_at = models.DateTimeField(_("received"))
    facts = models.JSONField(_("what was found"), default=dict)
    has_fired = models.BooleanField(_("fired"), default=False)
    is_late = models.BooleanField(_("reported late"), default=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("breach")
        verbose_name_plural = _("breaches")
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, PLACE, STAY]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["patient", "rule_version", "record_id"], name="a_value_breaches_a_rule_once"
            )
        ]
        indexes: ClassVar[list[Any]] = [
            Index(
                fields=["upload_id"],
                condition=Q(upload_id__isnull=False),
                name="alertbreach_of_upload",
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.observed_at:%Y-%m-%d %H:%M}"
