"""Vital signs: as given, and canonical."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import NAMED_BY_RECORDS, FrequentRecord, refers
from patients.models.device import Device
from patients.models.epro import EproReport
from patients.models.intake import VitalsUpload
from patients.models.visit import Visit
from patients.vocabulary import (
    CONTINUOUS,
    Comparator,
    Originator,
    Position,
    ReadingStatus,
    VitalCode,
    YesNoUnknown,
)
from portal.core.constraints import one_of
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked
from portal.core.triggers import announce_rows


@tracked(clinical=True)
class VitalSign(FrequentRecord):
    """One reading (SDTM VS, FHIR Observation). Its identity is `reading_id`, not its time.

    `original_value` and `original_unit` are as given; `value` is canonical in the UCUM `unit` of
    the code (domain.md 7), converted with `conversion_factor`. A coded reading (consciousness,
    oxygen device) has `coded_value`; one not done has a reason and no value.
    """

    visit = models.ForeignKey(
        Visit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("visit"),
        db_index=False,
    )
    report = models.ForeignKey(
        EproReport,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="vitals",
        verbose_name=_("report"),
        db_constraint=False,
    )
    vitals_upload = models.ForeignKey(
        VitalsUpload,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="vitals",
        verbose_name=_("upload of readings"),
        db_index=False,
        db_constraint=False,
    )
    reading_id = models.CharField(_("reading"), max_length=100, null=True, blank=True)
    code = models.CharField(_("code"), max_length=30, choices=VitalCode.choices)
    original_value = models.CharField(_("value as given"), max_length=100, blank=True)
    original_unit = models.CharField(_("unit as given"), max_length=40, blank=True)
    comparator = models.CharField(
        _("comparator"), max_length=1, blank=True, choices=Comparator.choices
    )
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=6, null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    coded_value = models.CharField(_("coded value"), max_length=40, blank=True)
    conversion_factor = models.CharField(_("conversion"), max_length=60, blank=True)
    measured = PartialDateTimeField(_("measured"), null=True, blank=True)
    measured_earliest = EarliestField("measured")
    measured_latest = LatestField("measured")
    received_at = models.DateTimeField(_("received"))
    panel = models.CharField(_("panel"), max_length=60, blank=True)
    position = models.CharField(_("position"), max_length=20, blank=True, choices=Position.choices)
    body_site = models.CharField(_("body site"), max_length=60, blank=True)
    laterality = models.CharField(_("laterality"), max_length=20, blank=True)
    method = models.CharField(_("method"), max_length=60, blank=True)
    timepoint = models.CharField(_("timepoint"), max_length=60, blank=True)
    elapsed = models.CharField(_("elapsed (ISO 8601 duration)"), max_length=30, blank=True)
    repeat = models.CharField(_("repeat"), max_length=20, blank=True)
    fasting = models.CharField(
        _("fasting"), max_length=7, choices=YesNoUnknown.choices, default=YesNoUnknown.UNKNOWN
    )
    specimen = models.CharField(_("specimen"), max_length=40, blank=True)
    originator = models.CharField(
        _("originator"), max_length=12, choices=Originator.choices, default=Originator.STAFF
    )
    device = models.ForeignKey(
        Device,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("device"),
        db_index=False,
        db_constraint=False,
    )
    status = models.CharField(
        _("status"), max_length=20, choices=ReadingStatus.choices, default=ReadingStatus.FINAL
    )
    not_done_reason = models.CharField(_("reason not done"), max_length=200, blank=True)
    # implausible, clock_suspect, late, ...: stable words, sorted.
    flags = models.JSONField(_("flags"), default=list, blank=True)

    class Meta(FrequentRecord.Meta):
        verbose_name = _("vital sign")
        verbose_name_plural = _("vital signs")
        constraints: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.constraints,
            UniqueConstraint(fields=["patient", "reading_id"], name="a_reading_is_stored_once"),
            one_of("code", VitalCode.values, name="vital_sign_code_is_known"),
            one_of("status", ReadingStatus.values, name="vital_sign_status_is_known"),
            CheckConstraint(
                condition=Q(value__isnull=True) | ~Q(unit=""), name="a_vital_value_has_a_unit"
            ),
            CheckConstraint(
                condition=Q(not_done_reason="") | Q(value__isnull=True, coded_value=""),
                name="a_vital_sign_not_done_has_no_value",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(
                fields=["patient", "code", "-measured_earliest", "-id"], name="vitalsign_of_patient"
            ),
            Index(fields=["-measured_earliest", "-id"], name="vitalsign_newest"),
            Index(fields=["site", "-measured_earliest", "-id"], name="vitalsign_by_site"),
            Index(fields=["trial", "-measured_earliest", "-id"], name="vitalsign_by_trial"),
            # What charts take beside the roll-ups of samples.
            Index(
                fields=["patient", "code", "measured_earliest"],
                condition=~Q(method=CONTINUOUS, vitals_upload__isnull=False),
                name="vitalsign_no_sample",
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.triggers,
            *refers(
                **NAMED_BY_RECORDS,
                report_id="patients_eproreport",
                vitals_upload_id="patients_vitalsupload",
                device_id="patients_device",
            ),
            *announce_rows("vital_sign"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.original_value} {self.original_unit}".strip()
