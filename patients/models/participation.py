"""The facts from which a patient's state is derived."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.gate import keep_gates
from patients.vocabulary import FlagKind, ScreeningResult
from portal.core.constraints import one_of
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked
from trials.models import Epoch, Product


@tracked(clinical=True)
class ScreeningAttempt(ClinicalRecord):
    """One screening. Re-screening adds an attempt, never a patient."""

    number = models.PositiveIntegerField(_("attempt"), default=1)
    result = models.CharField(
        _("result"),
        max_length=10,
        choices=ScreeningResult.choices,
        default=ScreeningResult.PENDING,
    )
    criteria_failed = models.JSONField(_("criteria not met"), default=list, blank=True)
    started = PartialDateTimeField(_("started"), null=True, blank=True)
    ended = PartialDateTimeField(_("ended"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("screening attempt")
        verbose_name_plural = _("screening attempts")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "number"], name="screening_attempt_number_is_unique"
            ),
            one_of("result", ScreeningResult.values, name="screening_result_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} #{self.number}"


@tracked(clinical=True)
class PatientProtocolVersion(ClinicalRecord):
    """Which protocol version the patient follows, from when to when."""

    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("protocol version of a patient")
        verbose_name_plural = _("protocol versions of patients")
        triggers: ClassVar[list[Any]] = [*ClinicalRecord.Meta.triggers, *keep_gates()]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            CheckConstraint(
                condition=Q(to_at__isnull=True) | Q(to_at__gte=F("from_at")),
                name="a_protocol_version_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.protocol_version_id}"


@tracked(clinical=True)
class DispositionEvent(ClinicalRecord):
    """A milestone or the end of an epoch (SDTM DS)."""

    category = models.CharField(_("category"), max_length=60, blank=True)
    subcategory = models.CharField(_("subcategory"), max_length=60, blank=True)
    epoch = models.ForeignKey(
        Epoch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("epoch")
    )
    epoch_name = models.CharField(_("epoch as given"), max_length=60, blank=True)
    term = models.CharField(_("standard term"), max_length=100)
    verbatim = models.CharField(_("verbatim"), max_length=200, blank=True)
    occurred = PartialDateTimeField(_("on"), null=True, blank=True)
    occurred_earliest = EarliestField("occurred")

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("disposition")
        verbose_name_plural = _("dispositions")

    def __str__(self) -> str:
        return self.term


@tracked(clinical=True)
class TreatmentState(ClinicalRecord):
    """Whether the patient takes one product, as the site states it."""

    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("product")
    )
    state = models.CharField(_("state"), max_length=12)
    since = PartialDateTimeField(_("since"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("treatment state")
        verbose_name_plural = _("treatment states")

    def __str__(self) -> str:
        return self.state


@tracked(clinical=True)
class Death(ClinicalRecord):
    """The patient's death. It never closes data entry."""

    died = PartialDateTimeField(_("died"), null=True, blank=True)
    died_earliest = EarliestField("died")
    died_latest = LatestField("died")
    stated_by = models.CharField(_("source"), max_length=100, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("death")
        verbose_name_plural = _("deaths")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(fields=["patient"], name="a_patient_dies_once"),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id}"


@tracked(clinical=True)
class ClinicalFlag(ClinicalRecord):
    """A dated fact about the patient that changes how readings are judged."""

    kind = models.CharField(_("kind"), max_length=30, choices=FlagKind.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("author")
    )
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("clinical flag")
        verbose_name_plural = _("clinical flags")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            one_of("kind", FlagKind.values, name="clinical_flag_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.kind
