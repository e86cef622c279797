"""What climbs a ladder, and its steps: due rows that a watcher finds."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.notices.kinds import KIND_VALUES
from portal.notices.vocabulary import EscalationState, LadderKind, StepState, Urgency, Who


def database_clock() -> Func:
    """The database's clock."""
    return Func(function="clock_timestamp", output_field=models.DateTimeField())


@tracked()
class Escalation(VersionedModel):
    """A record that climbs its ladder until one of the ladder's people says "I have it"."""

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    kind = models.CharField(_("kind"), max_length=40)
    ladder = models.CharField(_("ladder"), max_length=12, choices=LadderKind.choices)
    urgency = models.CharField(_("urgency"), max_length=10, choices=Urgency.choices)
    resource = models.CharField(_("resource"), max_length=40)
    record_id = models.UUIDField(_("record"))
    occasion = models.CharField(_("occasion"), max_length=60, blank=True)
    trial_id = models.UUIDField(_("trial"))
    site_id = models.UUIDField(_("site"), null=True)
    patient_id = models.UUIDField(_("patient"), null=True)
    subject_number = models.CharField(_("subject number"), max_length=40, blank=True)
    number = models.CharField(_("number"), max_length=40, blank=True)
    started_at = models.DateTimeField(_("started"))
    due_at = models.DateTimeField(_("due"), null=True)
    state = models.CharField(
        _("state"),
        max_length=12,
        choices=EscalationState.choices,
        default=EscalationState.RUNNING,
    )
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("ended by"),
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["kind", "resource", "record_id", "occasion"],
                name="an_occasion_climbs_once",
            ),
            UniqueConstraint(
                fields=["resource", "record_id"],
                condition=Q(state=EscalationState.RUNNING),
                name="a_record_climbs_one_ladder_at_a_time",
            ),
            one_of("kind", KIND_VALUES, name="escalation_kind_is_declared"),
            one_of("ladder", LadderKind.values, name="escalation_ladder_is_known"),
            one_of("urgency", Urgency.values, name="escalation_urgency_is_known"),
            one_of("state", EscalationState.values, name="escalation_state_is_known"),
            both_or_neither("ended_at", "ended_by", name="an_escalation_is_ended_by_somebody"),
            CheckConstraint(
                condition=Q(state=EscalationState.RUNNING, ended_at__isnull=True)
                | (~Q(state=EscalationState.RUNNING) & Q(ended_at__isnull=False)),
                name="an_escalation_runs_or_has_ended",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(F("started_at"), name="escalation_started"),
            Index(fields=["trial_id", "-created_at", "-id"], name="escalation_by_trial"),
            Index(fields=["site_id", "-created_at", "-id"], name="escalation_by_site"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


@tracked()
class EscalationStep(VersionedModel):
    """A rung of the ladder at its time; `round` counts how often the same rung was told again."""

    access_paths = AccessPaths(
        trial="escalation__trial_id",
        site="escalation__site_id",
        patient="escalation__patient_id",
    )

    escalation = models.ForeignKey(
        Escalation, models.PROTECT, related_name="steps", verbose_name=_("escalation")
    )
    rung = models.PositiveSmallIntegerField(_("rung"))
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    who = models.CharField(_("who"), max_length=30, choices=Who.choices)
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(
        _("state"), max_length=10, choices=StepState.choices, default=StepState.PENDING
    )
    fired_at = models.DateTimeField(_("done"), null=True)
    told = models.PositiveSmallIntegerField(_("people told"), default=0)

    class Meta(VersionedModel.Meta):
        verbose_name = _("step of an escalation")
        verbose_name_plural = _("steps of escalations")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["escalation", "rung", "round"], name="a_rung_is_told_once_a_round"
            ),
            one_of("state", StepState.values, name="escalation_step_state_is_known"),
            one_of("who", Who.values, name="escalation_step_names_known_people"),
            CheckConstraint(
                condition=~Q(state=StepState.DONE) | Q(fired_at__isnull=False),
                name="a_step_that_is_done_says_when",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(F("due_at"), name="step_due", condition=Q(state=StepState.PENDING))
        ]

    def __str__(self) -> str:
        return f"{self.rung}.{self.round} {self.who}"


class WatcherHeartbeat(models.Model):
    """The one row in which the active watcher says that it has swept."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    swept_at = models.DateTimeField(_("last sweep"), db_default=database_clock())
    overdue = models.PositiveIntegerField(_("could not be done"), db_default=0)

    class Meta:
        verbose_name = _("sign of life of the watcher")
        verbose_name_plural = _("signs of life of the watcher")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(condition=Q(id=1), name="there_is_one_active_watcher")
        ]

    def __str__(self) -> str:
        return str(self.swept_at)
