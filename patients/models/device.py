"""Devices and who held them when: a reading belongs to the holder at `measured_at`."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.patient import InstantRange
from portal.core.constraints import not_after
from portal.core.history import tracked
from portal.core.triggers import never_deleted
from trials.models import TrialPart


@tracked()
class Device(TrialPart):
    """A wearable, a cuff, a bedside monitor."""

    identifier = models.CharField(_("identifier"), max_length=100)
    kind = models.CharField(_("kind"), max_length=60)
    manufacturer = models.CharField(_("manufacturer"), max_length=100, blank=True)
    model_name = models.CharField(_("model"), max_length=100, blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        triggers: ClassVar[list[Any]] = [*TrialPart.Meta.triggers, never_deleted()]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "identifier"], name="device_identifier_is_unique_in_the_trial"
            )
        ]

    def __str__(self) -> str:
        return self.identifier


@tracked(clinical=True)
class DeviceAssignment(ClinicalRecord):
    """A patient holds a device from when to when."""

    device = models.ForeignKey(
        Device, models.PROTECT, related_name="assignments", verbose_name=_("device")
    )
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"), null=True, blank=True)
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("assigned by")
    )

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("device assignment")
        verbose_name_plural = _("device assignments")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            not_after("from_at", "to_at", name="a_device_is_returned_after_it_was_given"),
            ExclusionConstraint(
                name="device_assignments_do_not_overlap",
                expressions=[
                    (F("device"), RangeOperators.EQUAL),
                    (InstantRange(F("from_at"), F("to_at")), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.patient_id}"
