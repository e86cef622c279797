"""The periodic review of who has access (ICH E6(R3) 4.3.8)."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import not_after, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from trials.models.trial import Trial
from trials.vocabulary import ReviewConclusion


@tracked()
class AccessReview(VersionedModel):
    """Somebody went through the list of access of a trial, or of the portal, and concluded.

    `digest` is the SHA-256 of the list as it was: the report of the same days can be held to it.
    """

    access_paths = AccessPaths(trial="trial_id")

    trial = models.ForeignKey(
        Trial,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("trial"),
        help_text=_("empty: the whole portal"),
    )
    period_from = models.DateField(_("first day"))
    period_to = models.DateField(_("last day"))
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("reviewed by")
    )
    reviewed_at = models.DateTimeField(_("reviewed"))
    conclusion = models.CharField(_("conclusion"), max_length=20, choices=ReviewConclusion.choices)
    findings = models.TextField(_("findings"), blank=True)
    entries = models.PositiveIntegerField(_("entries reviewed"), editable=False)
    digest = models.CharField(_("digest of the list"), max_length=64, editable=False)

    class Meta(VersionedModel.Meta):
        verbose_name = _("access review")
        verbose_name_plural = _("access reviews")
        constraints: ClassVar[list[Any]] = [
            one_of("conclusion", ReviewConclusion.values, name="review_conclusion_is_known"),
            not_after("period_from", "period_to", name="a_review_covers_days_in_order"),
            CheckConstraint(
                condition=Q(conclusion=ReviewConclusion.CONFIRMED) | ~Q(findings=""),
                name="a_review_that_wants_changes_says_which",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["trial", "-created_at", "-id"], name="access_review_by_trial")
        ]

    def __str__(self) -> str:
        return f"{self.period_from} {self.period_to}"
