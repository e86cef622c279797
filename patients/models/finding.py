"""Where somebody must act: findings, and the addresses of the values that they name."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from patients.vocabulary import FindingSeverity, FindingState
from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import TimestampedModel, VersionedModel
from portal.core.triggers import GuardedRowTrigger
from trials.models import Site, Trial

_PLACED = GuardedRowTrigger(
    name="placed_by_patient",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__patient__isnull=False),
    func="""
        SELECT p.trial_id, coalesce(NEW.site_id, p.site_id) INTO NEW.trial_id, NEW.site_id
        FROM public.patients_patient p WHERE p.id = NEW.patient_id;
        RETURN NEW;
    """,
)


@tracked(clinical=True)
class DataPoint(TimestampedModel):
    """The address of one value, made on demand; unique and stable.

    Findings point to it; queries, verification, freeze, lock and signature will be rows that do.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="+", db_index=False, verbose_name=_("trial")
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("site")
    )
    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("patient"),
    )
    record_type = models.CharField(_("record"), max_length=40)
    record_id = models.UUIDField(_("record id"))
    field = models.CharField(_("field"), max_length=60, blank=True)
    event_oid = models.CharField(_("event (ODM)"), max_length=100, blank=True)
    event_repeat_key = models.CharField(_("repeat of the event"), max_length=60, blank=True)
    form_oid = models.CharField(_("form (ODM)"), max_length=100, blank=True)
    form_repeat_key = models.CharField(_("repeat of the form"), max_length=60, blank=True)
    group_oid = models.CharField(_("group of items (ODM)"), max_length=100, blank=True)
    group_repeat_key = models.CharField(_("repeat of the group"), max_length=60, blank=True)
    item_oid = models.CharField(_("item (ODM)"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("data point")
        verbose_name_plural = _("data points")
        triggers: ClassVar[list[Any]] = [_PLACED]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["record_type", "record_id", "field"], name="a_value_has_one_address"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record_type} {self.field}"


class AbstractFinding(VersionedModel):
    """A contradiction or gap that needs somebody to act. `rule` is a stable id."""

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="+", verbose_name=_("trial"), db_index=False
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, related_name="+", verbose_name=_("site"), db_index=False
    )
    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("patient"),
        db_index=False,
    )
    rule = models.CharField(_("rule"), max_length=80)
    severity = models.CharField(_("severity"), max_length=10, choices=FindingSeverity.choices)
    owner_role = models.CharField(_("for"), max_length=40)
    state = models.CharField(
        _("state"), max_length=10, choices=FindingState.choices, default=FindingState.OPEN
    )
    message = models.TextField(_("message"))
    # How many identical findings of the rule this one stands for, and the facts that fired it.
    occurrences = models.PositiveIntegerField(_("occurrences"), default=1)
    facts = models.JSONField(_("facts"), default=dict)
    resource = models.CharField(_("record"), max_length=40, blank=True)
    record_id = models.UUIDField(_("record id"), null=True, blank=True)
    data_point = models.ForeignKey(
        DataPoint,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("data point"),
    )
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("resolved by"),
        db_index=False,
    )

    class Meta(VersionedModel.Meta):
        abstract = True
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, _PLACED]
        constraints: ClassVar[list[Any]] = [
            one_of("severity", FindingSeverity.values, name="%(class)s_severity_is_known"),
            one_of("state", FindingState.values, name="%(class)s_state_is_known"),
            both_or_neither("resolved_at", "resolved_by", name="%(class)s_resolved_by_and_at"),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient"], name="%(class)s_patient"),
            Index(fields=["-created_at", "-id"], name="%(class)s_newest"),
            Index(fields=["site", "-created_at", "-id"], name="%(class)s_site"),
            Index(fields=["trial", "-created_at", "-id"], name="%(class)s_trial"),
        ]

    def __str__(self) -> str:
        return self.rule


@tracked(clinical=True)
class DataFinding(AbstractFinding):
    """A finding that everybody who sees the record may read."""

    class Meta(AbstractFinding.Meta):
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
