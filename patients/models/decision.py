"""What was decided about a report that lies outside consent."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from patients.models.base import ClinicalRecord
from patients.models.epro import EproReport
from portal.core.history import tracked


@tracked(clinical=True)
class ConsentDecision(ClinicalRecord):
    """Whether a report outside consent may be used, by a named person and for a reason.

    Without a row, or with one that says no, it is sealed from display and export.
    """

    report = models.OneToOneField(
        EproReport, models.PROTECT, related_name="consent_decision", verbose_name=_("report")
    )
    may_be_used = models.BooleanField(_("may be used"))
    decision_reason = models.TextField(_("reason"))
    decided_at = models.DateTimeField(_("decided"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("decided by"),
        db_index=False,
    )

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("decision about a sealed report")
        verbose_name_plural = _("decisions about sealed reports")
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            CheckConstraint(
                condition=~Q(decision_reason=""), name="a_consent_decision_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report_id}"
