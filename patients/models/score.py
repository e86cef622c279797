"""What is computed: observation sets with their NEWS2, and scores of instruments."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.epro import EproReport
from patients.vocabulary import ScoreEligibility
from portal.core.constraints import not_after, one_of
from portal.core.history import tracked
from portal.core.triggers import announce_rows


@tracked(clinical=True)
class ObservationSet(ClinicalRecord):
    """The readings of one round, closed by staff, and what NEWS2 makes of them.

    `inputs` hold the readings as they were used (value and reading id by parameter);
    `rounded_inputs` what the chart reads (NW-10). No score without every parameter: `missing`.
    """

    closed_at = models.DateTimeField(_("closed"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("closed by"),
        db_index=False,
    )
    taken_from = models.DateTimeField(_("first reading"))
    taken_until = models.DateTimeField(_("last reading"))
    inputs = models.JSONField(_("readings"), default=dict)
    rounded_inputs = models.JSONField(_("readings as charted"), default=dict)
    sub_scores = models.JSONField(_("points"), default=dict)
    missing = models.JSONField(_("missing"), default=list)
    eligibility = models.CharField(
        _("eligibility"), max_length=40, choices=ScoreEligibility.choices
    )
    spo2_scale = models.PositiveSmallIntegerField(_("SpO2 scale"), default=1)
    aggregate = models.PositiveSmallIntegerField(_("NEWS2"), null=True)
    band = models.CharField(_("band"), max_length=20, blank=True)
    algorithm = models.CharField(_("algorithm"), max_length=40)
    algorithm_version = models.CharField(_("version of the algorithm"), max_length=20)
    expires_at = models.DateTimeField(_("expires"), null=True)
    # Noted by the portal after `expires_at`, so that walls are told.
    expired_at = models.DateTimeField(_("found expired"), null=True, editable=False)
    superseded_at = models.DateTimeField(_("superseded"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("observation set")
        verbose_name_plural = _("observation sets")
        triggers: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.triggers,
            *announce_rows("observation_set"),
        ]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            not_after("taken_from", "taken_until", name="an_observation_set_begins_before_it_ends"),
            one_of("eligibility", ScoreEligibility.values, name="score_eligibility_is_known"),
            one_of("spo2_scale", [1, 2], name="spo2_scale_is_one_or_two"),
            CheckConstraint(
                condition=Q(aggregate__isnull=True)
                | Q(aggregate__range=(0, 20), eligibility=ScoreEligibility.ELIGIBLE),
                name="only_the_eligible_have_a_news2",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "-closed_at", "-id"], name="observationset_of_patient"),
            Index(fields=["site", "-created_at", "-id"], name="observationset_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="observationset_by_trial"),
            Index(
                fields=["expires_at"],
                condition=Q(expired_at__isnull=True, superseded_at__isnull=True),
                name="observationset_standing",
            ),
        ]

    def __str__(self) -> str:
        return f"NEWS2 {self.aggregate if self.aggregate is not None else '–'}"


@tracked(clinical=True)
class Score(ClinicalRecord):
    """A number computed from one report or one observation set; never written by a client.

    A recompute that comes out differently supersedes it: the new row stands beside the old one.
    """

    report = models.ForeignKey(
        EproReport,
        models.PROTECT,
        null=True,
        related_name="scores",
        verbose_name=_("report"),
        db_index=False,
    )
    observation_set = models.ForeignKey(
        ObservationSet,
        models.PROTECT,
        null=True,
        related_name="scores",
        verbose_name=_("observation set"),
        db_index=False,
    )
    name = models.CharField(_("score"), max_length=60)
    value = models.DecimalField(_("value"), max_digits=12, decimal_places=4, null=True)
    band = models.CharField(_("band"), max_length=30, blank=True)
    algorithm = models.CharField(_("algorithm"), max_length=60)
    algorithm_version = models.CharField(_("version of the algorithm"), max_length=20)
    inputs = models.JSONField(_("from"), default=dict)
    missing = models.JSONField(_("missing"), default=list)
    scored_at = models.DateTimeField(_("as of"))
    superseded_at = models.DateTimeField(_("superseded"), null=True, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            CheckConstraint(
                condition=Q(report__isnull=True, observation_set__isnull=False)
                | Q(report__isnull=False, observation_set__isnull=True),
                name="a_score_is_of_one_report_or_observation_set",
            ),
            UniqueConstraint(
                fields=["report", "name"],
                condition=Q(superseded_at__isnull=True, report__isnull=False),
                name="one_current_score_of_a_name_in_a_report",
            ),
            UniqueConstraint(
                fields=["observation_set", "name"],
                condition=Q(superseded_at__isnull=True, observation_set__isnull=False),
                name="one_current_score_of_a_name_in_a_set",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "-created_at", "-id"], name="score_of_patient"),
            Index(fields=["site", "-created_at", "-id"], name="score_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="score_by_trial"),
        ]

    def __str__(self) -> str:
        return self.name
