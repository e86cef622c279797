"""Risk rules: data per trial, versioned, tried on history before they count."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from patients.vocabulary import DryRunState, RuleKind, RuleState
from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import TimestampedModel
from portal.core.triggers import GuardedRowTrigger
from trials.models import TrialPart

# What was tried or is in force is what was written: another text is a draft, or another version.
_NEVER_REWRITTEN = GuardedRowTrigger(
    name="never_rewritten",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("parameters", "rule_id", "number"),
    func="""
        IF (NEW.parameters, NEW.rule_id, NEW.number)
            IS DISTINCT FROM (OLD.parameters, OLD.rule_id, OLD.number) THEN
            IF OLD.state IN ('active', 'retired') THEN
                RAISE EXCEPTION 'a rule version in force is never rewritten'
                    USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'a_rule_version_in_force_is_never_rewritten';
            END IF;
            NEW.state := 'draft';
            NEW.tried_at := NULL;
        END IF;
        RETURN NEW;
    """,
)


@tracked()
class RiskRule(TrialPart):
    """What a trial wants to be told of. Its versions say how exactly.

    `is_built_in`: made by the portal itself, so that a safety answer is told even where no rule
    was written.
    """

    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=RuleKind.choices)
    is_built_in = models.BooleanField(_("built in"), default=False, editable=False)

    class Meta(TrialPart.Meta):
        verbose_name = _("risk rule")
        verbose_name_plural = _("risk rules")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "code"], name="risk_rule_code_is_unique_in_the_trial"
            ),
            one_of("kind", RuleKind.values, name="risk_rule_kind_is_known"),
            CheckConstraint(
                condition=Q(is_built_in=False) | Q(kind=RuleKind.ANSWER),
                name="only_safety_answers_have_a_built_in_rule",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@tracked()
class RiskRuleVersion(TrialPart):
    """One text of a rule. `parameters` are decoded by patients.rules.risk.

    Rows that were written before `evaluates_from` (the database's clock at activation) were
    evaluated by the dry run and never fire.
    """

    rule = models.ForeignKey(
        RiskRule, models.PROTECT, related_name="versions", verbose_name=_("rule")
    )
    number = models.PositiveIntegerField(_("version"))
    parameters = models.JSONField(_("parameters"), default=dict)
    state = models.CharField(
        _("state"), max_length=10, choices=RuleState.choices, default=RuleState.DRAFT
    )
    is_built_in = models.BooleanField(_("built in"), default=False, editable=False)
    tried_at = models.DateTimeField(_("tried"), null=True, blank=True)
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    evaluates_from = models.DateTimeField(_("evaluates what comes from"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("version of a risk rule")
        verbose_name_plural = _("versions of risk rules")
        triggers: ClassVar[list[Any]] = [*TrialPart.Meta.triggers, _NEVER_REWRITTEN]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["rule", "number"], name="rule_version_number_is_unique"),
            UniqueConstraint(
                fields=["rule"],
                condition=Q(state=RuleState.ACTIVE),
                name="a_rule_has_one_active_version",
            ),
            one_of("state", RuleState.values, name="rule_state_is_known"),
            both_or_neither("activated_at", "activated_by", name="rule_activated_by_and_at"),
            CheckConstraint(
                condition=~Q(state=RuleState.ACTIVE)
                | Q(activated_at__isnull=False, evaluates_from__isnull=False),
                name="an_active_rule_was_confirmed_by_a_person",
            ),
            CheckConstraint(
                condition=~Q(state__in=[RuleState.ACTIVE, RuleState.DRY_RUN])
                | Q(tried_at__isnull=False)
                | Q(is_built_in=True),
                name="a_rule_is_tried_before_it_is_active",
            ),
            CheckConstraint(
                condition=~Q(state=RuleState.RETIRED) | Q(retired_at__isnull=False),
                name="a_retired_rule_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule.name} {self.number}"


@tracked()
class RiskRuleDryRun(TrialPart):
    """A version tried on the trial's history: what it would have fired, and how often."""

    rule_version = models.ForeignKey(
        RiskRuleVersion, models.PROTECT, related_name="dry_runs", verbose_name=_("version")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=DryRunState.choices, default=DryRunState.RUNNING
    )
    parameters = models.JSONField(_("parameters"), default=dict)
    started_at = models.DateTimeField(_("started"))
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("started by")
    )
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("asked to stop"), null=True, blank=True)
    patients_total = models.PositiveIntegerField(_("patients"), default=0)
    patients_done = models.PositiveIntegerField(_("patients done"), default=0)
    observations = models.PositiveBigIntegerField(_("values evaluated"), default=0)
    breaches = models.PositiveIntegerField(_("breaches"), default=0)
    alerts = models.PositiveIntegerField(_("alerts"), default=0)
    patient_days = models.DecimalField(
        _("patient days"), max_digits=12, decimal_places=2, default=0
    )
    alerts_per_patient_day = models.DecimalField(
        _("alerts per patient and day"), max_digits=10, decimal_places=4, null=True, blank=True
    )

    class Meta(TrialPart.Meta):
        verbose_name = _("dry run")
        verbose_name_plural = _("dry runs")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["rule_version"],
                condition=Q(state=DryRunState.RUNNING),
                name="a_version_is_tried_once_at_a_time",
            ),
            one_of("state", DryRunState.values, name="dry_run_state_is_known"),
            CheckConstraint(
                condition=Q(state=DryRunState.RUNNING) | Q(finished_at__isnull=False),
                name="a_dry_run_says_when_it_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_version_id} {self.state}"


class RiskRuleCursor(TimestampedModel):
    """How far a version has evaluated a patient, where it is not quiet there.

    `state` is a rule's memory (patients.rules.risk.Memory). It can be rebuilt from the rows, so it
    has no history.
    """

    access_paths = AccessPaths(
        trial="rule_version__trial_id", site="patient__site_id", patient="patient_id"
    )

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", db_index=False, verbose_name=_("patient")
    )
    rule_version = models.ForeignKey(
        RiskRuleVersion,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("version of the rule"),
    )
    last_at = models.DateTimeField(_("last reading judged"))
    last_id = models.UUIDField(_("its key"))
    state = models.JSONField(_("memory"), default=dict)

    class Meta:
        verbose_name = _("progress of a rule")
        verbose_name_plural = _("progress of rules")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["patient", "rule_version"], name="one_cursor_of_a_patient_and_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.rule_version_id}"
