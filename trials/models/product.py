"""What is investigated, and what is known of its risks."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.core.constraints import not_after
from portal.core.history import tracked
from trials.models.trial import TrialPart


@tracked()
class Product(TrialPart):
    """A product under investigation or its comparator. Who got which is protected."""

    name = models.CharField(_("name"), max_length=200)
    is_investigational = models.BooleanField(_("under investigation"), default=True)
    dose_form = models.CharField(_("dose form"), max_length=60, blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["trial", "name"], name="product_name_is_unique_in_the_trial")
        ]

    def __str__(self) -> str:
        return self.name


@tracked()
class ReferenceSafetyInformation(TrialPart):
    """The list of expected reactions in force for a product (CTR Annex III 2.2)."""

    product = models.ForeignKey(
        Product, models.PROTECT, related_name="+", verbose_name=_("product")
    )
    document_version = models.CharField(_("version"), max_length=40)
    country = models.CharField(_("country"), max_length=3, blank=True)
    from_on = models.DateField(_("from"))
    to_on = models.DateField(_("until"), null=True, blank=True)
    expected_terms = models.JSONField(_("expected terms"), default=list, blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("reference safety information")
        verbose_name_plural = _("reference safety information")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["product", "document_version", "country"],
                name="reference_safety_version_is_stated_once",
            ),
            not_after("from_on", "to_on", name="reference_safety_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return self.document_version
