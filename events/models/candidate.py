"""Candidates: what an alert suggests may be an adverse event, until a physician decides."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from events.models.adverse_event import AdverseEvent
from events.vocabulary import CandidateState
from patients.models import Alert, ClinicalRecord
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked


@tracked(clinical=True)
class CandidateAdverseEvent(ClinicalRecord):
    """A possible adverse event behind one alert. It is no event before a physician confirms it."""

    alert = models.ForeignKey(
        Alert, models.PROTECT, related_name="+", verbose_name=_("alert"), db_index=False
    )
    suggested_term = models.CharField(_("suggested term"), max_length=200)
    noticed_at = models.DateTimeField(_("noticed"))
    state = models.CharField(
        _("state"), max_length=10, choices=CandidateState.choices, default=CandidateState.OPEN
    )
    adverse_event = models.ForeignKey(
        AdverseEvent,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("adverse event"),
        db_index=False,
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
        db_index=False,
    )
    decision_reason = models.TextField(_("reason"), blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("candidate adverse event")
        verbose_name_plural = _("candidate adverse events")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(fields=["alert"], name="an_alert_has_one_candidate"),
            one_of("state", CandidateState.values, name="candidate_state_is_known"),
            both_or_neither("decided_at", "decided_by", name="candidate_decided_by_and_at"),
            CheckConstraint(
                condition=Q(state=CandidateState.OPEN, decided_at__isnull=True)
                | Q(state=CandidateState.CONFIRMED, adverse_event__isnull=False)
                & Q(decided_at__isnull=False)
                | Q(state=CandidateState.DISMISSED, decided_at__isnull=False)
                & ~Q(decision_reason=""),
                name="a_candidate_is_decided_by_a_physician",
            ),
        ]

    def __str__(self) -> str:
        return self.suggested_term
