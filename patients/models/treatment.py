"""What the patient took and had: exposure as collected, medications, history, and coding."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.visit import Visit
from patients.vocabulary import YesNoUnknown
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked


@tracked(clinical=True)
class Exposure(ClinicalRecord):
    """Study treatment as collected. Product and dose as given are protected (ExposureGiven)."""

    visit = models.ForeignKey(
        Visit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("visit"),
        db_index=False,
    )
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)
    started_earliest = EarliestField("started")
    ended_latest = LatestField("ended")
    kit = models.CharField(_("kit"), max_length=40, blank=True)
    amount_taken = models.CharField(_("amount taken"), max_length=40, blank=True)
    route = models.CharField(_("route"), max_length=60, blank=True)
    frequency = models.CharField(_("frequency"), max_length=60, blank=True)
    dose_form = models.CharField(_("dose form"), max_length=60, blank=True)
    planned_dose = models.CharField(_("planned dose"), max_length=60, blank=True)
    reason_adjusted = models.CharField(_("reason adjusted"), max_length=200, blank=True)
    is_interruption = models.BooleanField(_("interruption"), default=False)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")

    def __str__(self) -> str:
        return f"{self.started or ''} – {self.ended or ''}"


@tracked(clinical=True)
class Medication(ClinicalRecord):
    """A medication besides the study product (SDTM CM)."""

    visit = models.ForeignKey(
        Visit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("visit"),
        db_index=False,
    )
    name = models.CharField(_("verbatim"), max_length=200)
    indication = models.CharField(_("indication"), max_length=200, blank=True)
    dose = models.CharField(_("dose"), max_length=60, blank=True)
    dose_unit = models.CharField(_("unit of dose"), max_length=40, blank=True)
    frequency = models.CharField(_("frequency"), max_length=60, blank=True)
    route = models.CharField(_("route"), max_length=60, blank=True)
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)
    started_earliest = EarliestField("started")
    ended_latest = LatestField("ended")
    start_reference = models.CharField(_("start against reference"), max_length=40, blank=True)
    end_reference = models.CharField(_("end against reference"), max_length=40, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("medication")
        verbose_name_plural = _("medications")

    def __str__(self) -> str:
        return self.name


@tracked(clinical=True)
class MedicalHistory(ClinicalRecord):
    """A condition before the trial (SDTM MH)."""

    term = models.CharField(_("verbatim"), max_length=200)
    category = models.CharField(_("category"), max_length=60, blank=True)
    is_present = models.CharField(
        _("present"), max_length=7, choices=YesNoUnknown.choices, default=YesNoUnknown.UNKNOWN
    )
    severity = models.CharField(_("severity"), max_length=20, blank=True)
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)
    started_earliest = EarliestField("started")
    collected = PartialDateTimeField(_("collected"), null=True, blank=True)
    end_reference = models.CharField(_("end against reference"), max_length=40, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("medical history")
        verbose_name_plural = _("medical history")

    def __str__(self) -> str:
        return self.term


@tracked(clinical=True)
class Coding(ClinicalRecord):
    """A dictionary's term for a verbatim, with every level and the release (MD-02, MD-04)."""

    record_type = models.CharField(_("record"), max_length=40)
    record_id = models.UUIDField(_("record id"))
    field = models.CharField(_("field"), max_length=40)
    verbatim = models.CharField(_("verbatim"), max_length=500)
    dictionary = models.CharField(_("dictionary"), max_length=40)
    release = models.CharField(_("release"), max_length=40, default="unknown")
    # Level name -> {"code": ..., "term": ...}, lowest level first.
    levels = models.JSONField(_("levels"), default=dict)
    method = models.CharField(_("method"), max_length=20)
    coded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("by"),
        db_index=False,
    )
    coded_at = models.DateTimeField(_("coded"))
    superseded_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("superseded by"),
    )

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("coding")
        verbose_name_plural = _("codings")
        indexes: ClassVar[list[Any]] = [
            Index(fields=["record_id", "field"], name="coding_of_record"),
            Index(fields=["trial", "-created_at", "-id"], name="coding_by_trial"),
        ]

    def __str__(self) -> str:
        return self.verbatim
