"""Informed consent, per purpose."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.gate import keep_gates
from patients.vocabulary import ConsentPurposeCode, SignerKind
from portal.core.constraints import one_of
from portal.core.history import tracked
from trials.models import Site, SiteApproval, TrialPart


@tracked()
class ConsentDocument(TrialPart):
    """One version of the information and consent form, in one language."""

    document_version = models.CharField(_("version"), max_length=20)
    language = models.CharField(_("language"), max_length=10)
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("site")
    )
    country = models.CharField(_("country"), max_length=3, blank=True)
    approval = models.ForeignKey(
        SiteApproval,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approval"),
    )
    effective_on = models.DateField(_("effective from"))
    requires_reconsent = models.BooleanField(_("asks for consent again"), default=False)

    class Meta(TrialPart.Meta):
        verbose_name = _("consent document")
        verbose_name_plural = _("consent documents")

    def __str__(self) -> str:
        return f"{self.document_version} {self.language}"


@tracked()
class ConsentPurpose(TrialPart):
    """A purpose that a consent document asks about."""

    document = models.ForeignKey(
        ConsentDocument, models.PROTECT, related_name="purposes", verbose_name=_("document")
    )
    purpose = models.CharField(_("purpose"), max_length=15, choices=ConsentPurposeCode.choices)
    is_required = models.BooleanField(_("required"), default=False)

    class Meta(TrialPart.Meta):
        verbose_name = _("consent purpose")
        verbose_name_plural = _("consent purposes")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["document", "purpose"], name="a_consent_purpose_is_asked_once"
            ),
            one_of("purpose", ConsentPurposeCode.values, name="consent_purpose_is_known"),
        ]

    def __str__(self) -> str:
        return self.purpose


@tracked(clinical=True)
class Consent(ClinicalRecord):
    """Consent given under one document; `choices` says yes or no by purpose."""

    document = models.ForeignKey(
        ConsentDocument, models.PROTECT, related_name="+", verbose_name=_("document")
    )
    choices = models.JSONField(_("choices"), default=dict)
    signed_at = models.DateTimeField(_("signed"))
    signer = models.CharField(
        _("signed by"), max_length=15, choices=SignerKind.choices, default=SignerKind.PARTICIPANT
    )
    obtained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("obtained by"),
    )
    copy_given = models.BooleanField(_("copy given"), default=False)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        triggers: ClassVar[list[Any]] = [*ClinicalRecord.Meta.triggers, *keep_gates()]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            one_of("signer", SignerKind.values, name="consent_signer_is_known"),
        ]
        indexes: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.indexes,
            # Which consent counts at a time: intake asks this of every upload.
            Index(fields=["patient", "-signed_at", "-id"], name="consent_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}"


@tracked(clinical=True)
class ConsentWithdrawal(ClinicalRecord):
    """Consent withdrawn for some purposes, and what is kept (PV-02)."""

    consent = models.ForeignKey(
        Consent, models.PROTECT, related_name="withdrawals", verbose_name=_("consent")
    )
    purposes = models.JSONField(_("purposes"), default=list)
    withdrawn_at = models.DateTimeField(_("withdrawn"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    kept = models.TextField(_("what is kept"), blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("withdrawal of consent")
        verbose_name_plural = _("withdrawals of consent")
        triggers: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.triggers,
            *keep_gates("c.patient_id", "JOIN patients_consent c ON c.id = r.consent_id"),
        ]

    def __str__(self) -> str:
        return f"{self.consent_id}"
