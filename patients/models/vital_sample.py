"""What bedside monitors send second by second, and its roll-ups for charts."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.device import Device
from patients.models.intake import VitalsUpload
from patients.models.patient import Patient
from patients.vocabulary import Position, RollupLevel, VitalCode
from portal.access.scoping import AccessPaths
from portal.core.append_only import AppendOnlyModel
from portal.core.constraints import one_of
from portal.core.triggers import announce_rows
from trials.models import Site, Trial


class VitalSample(AppendOnlyModel):
    """One sample of a bedside monitor at 1 Hz, in the canonical unit of its code: its own history.

    One a minute and those that meet a rule are vital signs too. An artifact, and what no body can
    have, is kept and counts for nothing.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", db_index=False, verbose_name=_("patient")
    )
    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="+", db_index=False, verbose_name=_("trial")
    )
    site = models.ForeignKey(
        Site, models.PROTECT, related_name="+", db_index=False, verbose_name=_("site")
    )
    vitals_upload = models.ForeignKey(
        VitalsUpload,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("upload of readings"),
    )
    device = models.ForeignKey(
        Device,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("device"),
    )
    code = models.CharField(_("code"), max_length=30, choices=VitalCode.choices)
    position = models.CharField(_("position"), max_length=20, blank=True, choices=Position.choices)
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=6)
    is_artifact = models.BooleanField(_("artifact"), default=False)
    is_implausible = models.BooleanField(_("implausible"), default=False)
    measured_at = models.DateTimeField(_("measured"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        triggers: ClassVar[list[Any]] = [
            *AppendOnlyModel.Meta.triggers,
            *announce_rows("vital_sample", on_update=False),
        ]
        verbose_name = _("vital sample")
        verbose_name_plural = _("vital samples")
        constraints: ClassVar[list[Any]] = [
            one_of("code", VitalCode.values, name="vital_sample_code_is_known")
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "code", "measured_at"], name="vitalsample_of_patient")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.value}"


class VitalRollup(models.Model):
    """The samples of a patient and code in one minute, hour or day (UTC), for charts.

    The pipeline adds each sample once; all of it can be made again from the samples, so it has no
    history. `n` counts what `minimum`, `maximum` and `total` are made of, `marked` the rest:
    artifacts and implausible values.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", db_index=False, verbose_name=_("patient")
    )
    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="+", db_index=False, verbose_name=_("trial")
    )
    site = models.ForeignKey(
        Site, models.PROTECT, related_name="+", db_index=False, verbose_name=_("site")
    )
    code = models.CharField(_("code"), max_length=30, choices=VitalCode.choices)
    level = models.PositiveIntegerField(_("seconds"), choices=RollupLevel.choices)
    at = models.DateTimeField(_("begins"))
    n = models.PositiveIntegerField(_("samples"), default=0)
    marked = models.PositiveIntegerField(_("marked samples"), default=0)
    minimum = models.DecimalField(_("minimum"), max_digits=18, decimal_places=6, null=True)
    maximum = models.DecimalField(_("maximum"), max_digits=18, decimal_places=6, null=True)
    total = models.DecimalField(_("total"), max_digits=24, decimal_places=6, default=0)
    last_at = models.DateTimeField(_("last"), null=True)
    last = models.DecimalField(_("last value"), max_digits=18, decimal_places=6, null=True)

    class Meta:
        verbose_name = _("roll-up of samples")
        verbose_name_plural = _("roll-ups of samples")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["patient", "code", "level", "at", "site"],
                name="one_rollup_of_a_patient_code_and_time",
            ),
            one_of("level", RollupLevel.values, name="rollup_level_is_known"),
            CheckConstraint(
                condition=Q(n=0, minimum__isnull=True, last_at__isnull=True)
                | Q(n__gt=0, minimum__lte=F("maximum"), last_at__isnull=False),
                name="a_rollup_with_samples_has_its_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.at:%Y-%m-%d %H:%M}"
