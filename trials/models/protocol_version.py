"""A version of the protocol and the design that hangs on it (SDTM TA, TE, TV, TI)."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.core.constraints import one_of
from portal.core.history import tracked
from portal.core.triggers import never_deleted
from trials.models.trial import TrialPart
from trials.vocabulary import AmendmentKind, CriterionKind, PlanKind, VisitAnchor


@tracked()
class ProtocolVersion(TrialPart):
    """One version of the protocol. It applies at a site only from the site's own approval."""

    number = models.CharField(_("number"), max_length=20)
    amendment_kind = models.CharField(
        _("amendment"),
        max_length=20,
        choices=AmendmentKind.choices,
        default=AmendmentKind.ORIGINAL,
    )
    effective_on = models.DateField(_("effective from"), null=True, blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("protocol version")
        verbose_name_plural = _("protocol versions")
        triggers: ClassVar[list[Any]] = [*TrialPart.Meta.triggers, never_deleted()]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "number"], name="protocol_version_number_is_unique_in_the_trial"
            ),
            one_of("amendment_kind", AmendmentKind.values, name="amendment_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.number


class PlanPart(TrialPart):
    """An object of the plan: its OID never changes, external ids map it to ODM and USDM."""

    protocol_version = models.ForeignKey(
        ProtocolVersion, models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    oid = models.CharField(_("OID"), max_length=100)
    external_ids = models.JSONField(_("external ids"), default=dict, blank=True)

    class Meta(TrialPart.Meta):
        abstract = True
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["protocol_version", "oid"], name="%(class)s_oid_is_unique_in_the_version"
            )
        ]


@tracked()
class Epoch(PlanPart):
    """A stretch of the trial that every arm shares (screening, treatment, follow-up)."""

    name = models.CharField(_("name"), max_length=60)
    ordinal = models.PositiveIntegerField(_("order"))

    class Meta(PlanPart.Meta):
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")

    def __str__(self) -> str:
        return self.name


@tracked()
class Arm(PlanPart):
    """A planned path through the trial. Who is in which arm stands in the protected schema."""

    code = models.CharField(_("code"), max_length=20)
    name = models.CharField(_("name"), max_length=200)
    ordinal = models.PositiveIntegerField(_("order"))

    class Meta(PlanPart.Meta):
        verbose_name = _("arm")
        verbose_name_plural = _("arms")

    def __str__(self) -> str:
        return self.name


@tracked()
class Element(PlanPart):
    """A building block of an arm (SDTM TE)."""

    code = models.CharField(_("code"), max_length=20)
    name = models.CharField(_("name"), max_length=200)
    start_rule = models.TextField(_("rule for the start"), blank=True)
    end_rule = models.TextField(_("rule for the end"), blank=True)
    duration = models.CharField(_("planned duration"), max_length=20, blank=True)

    class Meta(PlanPart.Meta):
        verbose_name = _("element")
        verbose_name_plural = _("elements")

    def __str__(self) -> str:
        return self.name


@tracked()
class ArmElement(PlanPart):
    """Where an element stands in an arm (SDTM TA)."""

    arm = models.ForeignKey(Arm, models.PROTECT, related_name="elements", verbose_name=_("arm"))
    element = models.ForeignKey(
        Element, models.PROTECT, related_name="+", verbose_name=_("element")
    )
    epoch = models.ForeignKey(
        Epoch, models.PROTECT, null=True, related_name="+", verbose_name=_("epoch")
    )
    ordinal = models.PositiveIntegerField(_("order"))
    branch = models.TextField(_("branch"), blank=True)
    transition = models.TextField(_("transition"), blank=True)

    class Meta(PlanPart.Meta):
        verbose_name = _("element of an arm")
        verbose_name_plural = _("elements of arms")

    def __str__(self) -> str:
        return self.oid


@tracked()
class Criterion(PlanPart):
    """An eligibility criterion (SDTM TI)."""

    kind = models.CharField(_("kind"), max_length=10, choices=CriterionKind.choices)
    code = models.CharField(_("code"), max_length=20)
    text = models.TextField(_("text"))

    class Meta(PlanPart.Meta):
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        constraints: ClassVar[list[Any]] = [
            *PlanPart.Meta.constraints,
            one_of("kind", CriterionKind.values, name="criterion_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.code


@tracked()
class VisitPlan(PlanPart):
    """A planned visit and its window (SDTM TV)."""

    visit_number = models.DecimalField(_("visit number"), max_digits=8, decimal_places=3)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(
        _("kind"), max_length=15, choices=PlanKind.choices, default=PlanKind.OTHER
    )
    anchor = models.CharField(
        _("counted from"),
        max_length=20,
        choices=VisitAnchor.choices,
        default=VisitAnchor.FIRST_DOSE,
    )
    planned_day = models.IntegerField(
        _("planned day"), null=True, blank=True, help_text=_("study day; there is no day 0")
    )
    window_before_days = models.PositiveIntegerField(_("days early"), null=True, blank=True)
    window_after_days = models.PositiveIntegerField(_("days late"), null=True, blank=True)
    arm = models.ForeignKey(
        Arm, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("arm")
    )
    start_rule = models.TextField(_("rule for the start"), blank=True)
    end_rule = models.TextField(_("rule for the end"), blank=True)

    class Meta(PlanPart.Meta):
        verbose_name = _("planned visit")
        verbose_name_plural = _("planned visits")
        constraints: ClassVar[list[Any]] = [
            *PlanPart.Meta.constraints,
            one_of("kind", PlanKind.values, name="visit_plan_kind_is_known"),
            one_of("anchor", VisitAnchor.values, name="visit_plan_anchor_is_known"),
        ]

    def __str__(self) -> str:
        return self.name
