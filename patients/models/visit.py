"""Visits that took place, or did not."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.vocabulary import ContactMode, VisitKind
from portal.core.constraints import one_of
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked
from trials.models import VisitPlan


@tracked(clinical=True)
class Visit(ClinicalRecord):
    """A visit (SDTM SV). `plan` is empty for an unscheduled one; that is no finding."""

    plan = models.ForeignKey(
        VisitPlan, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("plan")
    )
    visit_number = models.DecimalField(
        _("visit number"), max_digits=8, decimal_places=3, null=True, blank=True
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    kind = models.CharField(
        _("kind"), max_length=20, choices=VisitKind.choices, default=VisitKind.PLANNED
    )
    contact = models.CharField(_("contact"), max_length=10, choices=ContactMode.choices, blank=True)
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)
    started_earliest = EarliestField("started")
    started_latest = LatestField("started")
    repeat_key = models.CharField(_("repeat key"), max_length=20, blank=True)
    not_done_reason = models.CharField(_("reason not done"), max_length=200, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            one_of("kind", VisitKind.values, name="visit_kind_is_known"),
            CheckConstraint(
                condition=Q(not_done_reason="") | Q(started__isnull=True),
                name="a_visit_not_done_has_no_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.visit_number)
