"""Laboratory results, as reported and canonical."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.visit import Visit
from patients.vocabulary import LaboratoryKind, ResultStatus, YesNoUnknown
from portal.core.constraints import both_or_neither, one_of
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked


@tracked(clinical=True)
class LabResult(ClinicalRecord):
    """One result (SDTM LB). The reference range is the one reported with this very result."""

    visit = models.ForeignKey(
        Visit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("visit"),
        db_index=False,
    )
    laboratory = models.CharField(
        _("laboratory"),
        max_length=10,
        choices=LaboratoryKind.choices,
        default=LaboratoryKind.UNKNOWN,
    )
    accession = models.CharField(_("accession number"), max_length=60, blank=True)
    category = models.CharField(_("category"), max_length=60, blank=True)
    test_code = models.CharField(_("test code"), max_length=20)
    test = models.CharField(_("test"), max_length=100)
    loinc = models.CharField(_("LOINC"), max_length=20, blank=True)
    specimen = models.CharField(_("specimen"), max_length=60, blank=True)
    method = models.CharField(_("method"), max_length=60, blank=True)
    fasting = models.CharField(
        _("fasting"), max_length=7, choices=YesNoUnknown.choices, default=YesNoUnknown.UNKNOWN
    )
    collected = PartialDateTimeField(_("collected"), null=True, blank=True)
    collected_earliest = EarliestField("collected")
    collected_latest = LatestField("collected")
    resulted = PartialDateTimeField(_("resulted"), null=True, blank=True)
    original_value = models.CharField(_("result as given"), max_length=200, blank=True)
    comparator = models.CharField(_("comparator"), max_length=2, blank=True)
    original_unit = models.CharField(_("unit as given"), max_length=40, blank=True)
    value = models.DecimalField(
        _("canonical value"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    unit = models.CharField(_("canonical unit"), max_length=40, blank=True)
    reference_low = models.CharField(_("reference low"), max_length=40, blank=True)
    reference_high = models.CharField(_("reference high"), max_length=40, blank=True)
    reference_indicator = models.CharField(_("against the reference"), max_length=20, blank=True)
    status = models.CharField(
        _("status"), max_length=12, choices=ResultStatus.choices, default=ResultStatus.FINAL
    )
    not_done_reason = models.CharField(_("reason not done"), max_length=200, blank=True)
    clinically_significant = models.CharField(
        _("clinically significant"),
        max_length=7,
        choices=YesNoUnknown.choices,
        default=YesNoUnknown.UNKNOWN,
    )
    significance_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("judged by"),
        db_index=False,
    )
    significance_at = models.DateTimeField(_("judged"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("laboratory result")
        verbose_name_plural = _("laboratory results")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            one_of("status", ResultStatus.values, name="lab_result_status_is_known"),
            both_or_neither(
                "significance_at", "significance_by", name="lab_significance_has_by_and_at"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "test_code", "-id"], name="labresult_of_patient"),
            Index(fields=["site", "-created_at", "-id"], name="labresult_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="labresult_by_trial"),
        ]

    def __str__(self) -> str:
        return f"{self.test_code} {self.original_value} {self.original_unit}".strip()
