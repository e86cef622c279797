"""What was judged: products, causality, expectedness, related records."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index
from django.utils.translation import gettext_lazy as _

from events.models.adverse_event import EventPart
from events.vocabulary import ActionTaken, Assessor, Judgment, ProductRole
from patients.models import ClinicalRecord, Exposure
from portal.core.constraints import one_of
from portal.core.fields import PartialDateTimeField
from portal.core.history import tracked
from portal.core.models import in_schema
from trials.models import Product, ReferenceSafetyInformation


@tracked(clinical=True)
class EventProduct(EventPart):
    """A product in its part in an event, and what was done about it."""

    # Empty: the blinded study treatment, whose product is protected.
    product = models.ForeignKey(
        Product,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("product"),
    )
    product_name = models.CharField(_("product as given"), max_length=200, blank=True)
    role = models.CharField(
        _("role"), max_length=12, choices=ProductRole.choices, default=ProductRole.SUSPECT
    )
    action_taken = models.CharField(
        _("action taken"), max_length=20, choices=ActionTaken.choices, blank=True
    )
    action_on = PartialDateTimeField(_("action taken on"), null=True, blank=True)
    changed_exposure = models.ForeignKey(
        Exposure,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("exposure that was changed"),
    )
    dechallenge = models.CharField(_("dechallenge"), max_length=20, blank=True)
    rechallenge = models.CharField(_("rechallenge"), max_length=20, blank=True)

    class Meta(EventPart.Meta):
        verbose_name = _("product in an event")
        verbose_name_plural = _("products in events")
        constraints: ClassVar[list[Any]] = [
            *EventPart.Meta.constraints,
            one_of("role", ProductRole.values, name="event_product_role_is_known"),
            one_of("action_taken", [*ActionTaken.values, ""], name="action_taken_is_known"),
        ]

    def __str__(self) -> str:
        return self.product_name or str(_("study treatment"))


@tracked(clinical=True)
class CausalityAssessment(EventPart):
    """One judgment on the relation to a product or procedure. Added, never replaced (SAF-08)."""

    event_product = models.ForeignKey(
        EventProduct,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("product of the event"),
    )
    procedure = models.CharField(_("procedure"), max_length=200, blank=True)
    assessor = models.CharField(_("judged by"), max_length=12, choices=Assessor.choices)
    scale = models.CharField(_("scale"), max_length=60, blank=True)
    value = models.CharField(_("causality"), max_length=60, blank=True)
    is_related = models.BooleanField(_("related"), null=True)
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("recorded by"),
    )
    assessed_at = models.DateTimeField(_("judged"), null=True)
    judgment = models.CharField(
        _("medical judgment"), max_length=12, blank=True, choices=Judgment.choices
    )

    class Meta(EventPart.Meta):
        verbose_name = _("causality assessment")
        verbose_name_plural = _("causality assessments")
        constraints: ClassVar[list[Any]] = [
            *EventPart.Meta.constraints,
            one_of("assessor", Assessor.values, name="causality_assessor_is_known"),
            one_of("judgment", Judgment.values, name="causality_judgment_is_known"),
        ]

    def __str__(self) -> str:
        return self.value


@in_schema("allocation")
@tracked(clinical=True)
class ExpectednessAssessment(EventPart):
    """Expected or not, by the product given: unblinding, hence protected (domain.md 6)."""

    product = models.ForeignKey(
        Product, models.PROTECT, related_name="+", db_index=False, verbose_name=_("product")
    )
    reference = models.ForeignKey(
        ReferenceSafetyInformation,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("reference safety information"),
    )
    jurisdiction = models.CharField(_("jurisdiction"), max_length=10, blank=True)
    is_expected = models.BooleanField(_("expected"), null=True)
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("recorded by"),
    )
    assessed_at = models.DateTimeField(_("judged"))

    class Meta(EventPart.Meta):
        verbose_name = _("expectedness assessment")
        verbose_name_plural = _("expectedness assessments")

    def __str__(self) -> str:
        return f"{self.adverse_event_id}"


@tracked(clinical=True)
class RelatedRecord(ClinicalRecord):
    """Two or more records that the source relates to each other (SDTM RELREC)."""

    relation = models.CharField(_("relation"), max_length=60)
    dataset = models.CharField(_("dataset"), max_length=8)
    id_variable = models.CharField(_("identifying variable"), max_length=8)
    id_value = models.CharField(_("identifying value"), max_length=100)
    record_type = models.CharField(_("record"), max_length=40, blank=True)
    record_id = models.UUIDField(_("record id"), null=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("related record")
        verbose_name_plural = _("related records")
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "relation"], name="relatedrecord_relation"),
            Index(fields=["trial", "-created_at", "-id"], name="relatedrecord_by_trial"),
        ]

    def __str__(self) -> str:
        return f"{self.relation} {self.dataset}"
