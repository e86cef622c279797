"""Unblinding facts (domain.md 6), in the protected schema; read inside access.unblinded() only."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.finding import AbstractFinding
from patients.models.treatment import Exposure
from portal.core.fields import EarliestField, PartialDateTimeField
from portal.core.history import tracked
from portal.core.models import in_schema
from trials.models import Arm, Element, Epoch, Product


class ProtectedRecord(ClinicalRecord):
    """A clinical row that would unblind whoever sees it."""

    class Meta(ClinicalRecord.Meta):
        abstract = True


@in_schema("allocation")
@tracked(clinical=True)
class Allocation(ProtectedRecord):
    """The arm that was planned for the patient and the one they actually followed."""

    planned_arm = models.ForeignKey(
        Arm, models.PROTECT, null=True, related_name="+", verbose_name=_("planned arm")
    )
    actual_arm = models.ForeignKey(
        Arm, models.PROTECT, null=True, related_name="+", verbose_name=_("actual arm")
    )
    planned_code = models.CharField(_("planned arm as given"), max_length=60, blank=True)
    actual_code = models.CharField(_("actual arm as given"), max_length=60, blank=True)
    allocated = PartialDateTimeField(_("allocated"), null=True, blank=True)

    class Meta(ProtectedRecord.Meta):
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints: ClassVar[list[Any]] = [
            *ProtectedRecord.Meta.constraints,
            UniqueConstraint(fields=["patient"], name="a_patient_is_allocated_once"),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id}"


@in_schema("allocation")
@tracked(clinical=True)
class ExposureGiven(ProtectedRecord):
    """The product and dose that an exposure as collected really was."""

    exposure = models.ForeignKey(
        Exposure, models.PROTECT, related_name="+", verbose_name=_("exposure")
    )
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, related_name="+", verbose_name=_("product")
    )
    product_name = models.CharField(_("product as given"), max_length=200, blank=True)
    dose = models.DecimalField(_("dose"), max_digits=18, decimal_places=6, null=True)
    dose_text = models.CharField(_("dose as given"), max_length=60, blank=True)
    dose_unit = models.CharField(_("unit of dose"), max_length=40, blank=True)
    lot = models.CharField(_("lot"), max_length=60, blank=True)

    class Meta(ProtectedRecord.Meta):
        verbose_name = _("exposure as given")
        verbose_name_plural = _("exposures as given")

    def __str__(self) -> str:
        return self.product_name


@in_schema("allocation")
@tracked(clinical=True)
class SubjectElement(ProtectedRecord):
    """The element of the design that the patient was in (SDTM SE): it names the arm."""

    element = models.ForeignKey(
        Element, models.PROTECT, null=True, related_name="+", verbose_name=_("element")
    )
    element_code = models.CharField(_("element as given"), max_length=60, blank=True)
    element_name = models.CharField(_("name"), max_length=200, blank=True)
    epoch = models.ForeignKey(
        Epoch, models.PROTECT, null=True, related_name="+", verbose_name=_("epoch")
    )
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)
    started_earliest = EarliestField("started")

    class Meta(ProtectedRecord.Meta):
        verbose_name = _("subject element")
        verbose_name_plural = _("subject elements")

    def __str__(self) -> str:
        return self.element_code


@in_schema("allocation")
@tracked(clinical=True)
class ProtectedFinding(AbstractFinding):
    """A finding that would unblind whoever reads it."""

    class Meta(AbstractFinding.Meta):
        verbose_name = _("protected finding")
        verbose_name_plural = _("protected findings")
