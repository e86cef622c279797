"""The desk's lists of adverse events: to be read, not to be changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from events import models
from events.vocabulary import Outcome, Seriousness, Severity
from patients.vocabulary import YesNoUnknown
from portal.access.permissions import Permission as P
from portal.desk.base import ClinicalAdmin
from portal.desk.columns import badge, clinical_date, state
from portal.desk.derived import derived
from portal.desk.filters import YesNoFilter, scoped
from portal.desk.groups import Group
from portal.desk.protected import ProtectedAdmin
from portal.desk.site import site

_OUTCOMES = {Outcome.FATAL.value: "danger", Outcome.NOT_RECOVERED.value: "caution"}
_SEVERITIES = {Severity.SEVERE.value: "danger", Severity.MODERATE.value: "caution"}
_CAUSALITY = ("causality", "severity_scale", "severity_mark", "severity_grade", "outcome_mark")


class AdverseEventAdmin(ClinicalAdmin):
    """Adverse events as they stand after their latest version."""

    view_permission = P.ADVERSE_EVENT_VIEW
    group = Group.SAFETY
    is_everyday = True
    linked_lookups = ("patient",)
    list_display = (
        "patient",
        "term",
        "coded_term",
        "serious_mark",
        "onset_as_given",
        "severity_mark",
        "outcome_mark",
        "resolved_as_given",
        "causality",
        "number",
        "site",
        "trial",
    )
    list_filter = (
        ("is_serious", YesNoFilter),
        "serious_as_reported",
        "severity",
        "outcome",
        "treatment_emergent",
        scoped("trial"),
        scoped("site"),
    )
    list_select_related = ("patient", "site", "trial")
    search_fields = ("^patient__subject_number", "=patient__usubjid", "term", "coded_term")
    search_help_text = _("Subject number, term, or an onset such as 2013-05")
    searched_date = "onset"
    onset_as_given = clinical_date("onset", title=_("onset"))
    resolved_as_given = clinical_date("resolved", title=_("resolved"))
    outcome_mark = state("outcome", _OUTCOMES)
    severity_mark = state("severity", _SEVERITIES)

    @admin.display(description=_("serious"), ordering="is_serious")
    def serious_mark(self, row: Any) -> Any:
        """Serious by its criteria; marked where the source said otherwise."""
        if row.is_serious:
            denied = row.serious_as_reported == YesNoUnknown.NO
            return badge(_("yes, reported no") if denied else _("yes"), "danger")
        claimed = row.serious_as_reported == YesNoUnknown.YES
        return badge(_("no, reported yes"), "caution") if claimed else _("no")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Group the event: what happened, how serious, how judged."""
        plain = super().get_fieldsets(request, obj)
        serious = ["serious_mark", "serious_as_reported", *Seriousness.values]
        judged = [*_CAUSALITY, "treatment_emergent", "site_aware_at", "sponsor_aware_at"]
        apart = {*serious, *judged}
        happened = [name for name in plain[0][1]["fields"] if name not in apart]
        return [
            (None, {"fields": happened}),
            (_("Seriousness"), {"fields": serious}),
            (_("Judgment and awareness"), {"fields": judged}),
            *plain[1:],
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing is typed here."""
        return [*super().get_readonly_fields(request, obj), "serious_mark"]


site.register(models.AdverseEvent, AdverseEventAdmin)
for _model in (
    models.AdverseEventVersion,
    models.SeriousnessFact,
    models.SeverityPeriod,
    models.EventProduct,
    models.CausalityAssessment,
    models.RelatedRecord,
    models.CandidateAdverseEvent,
):
    site.register(_model, derived(_model, P.ADVERSE_EVENT_VIEW, Group.SAFETY))
site.register(
    models.ExpectednessAssessment,
    derived(models.ExpectednessAssessment, P.ALLOCATION_VIEW, Group.UNBLINDED, base=ProtectedAdmin),
)
