"""The desk's lists of adverse events, and the form that reports and corrects them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from events import models
from events.services.adverse_events import add_follow_up, report_adverse_event
from events.services.facts import FACTS, Statement
from events.vocabulary import Outcome, Seriousness, Severity, VersionKind
from patients.vocabulary import YesNoUnknown
from portal.access.permissions import Permission as P
from portal.desk.columns import badge, clinical_date, dated, on_two_lines, state
from portal.desk.derived import derived
from portal.desk.filters import YesNoFilter, scoped
from portal.desk.groups import Group
from portal.desk.protected import ProtectedAdmin
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site

_OUTCOMES = {Outcome.FATAL.value: "danger", Outcome.NOT_RECOVERED.value: "caution"}
_SEVERITIES = {Severity.SEVERE.value: "danger", Severity.MODERATE.value: "caution"}
_STATED = (
    "term",
    "onset",
    "resolved",
    "outcome",
    "severity_scale",
    "severity",
    "severity_grade",
    *Seriousness.values,
    "serious_as_reported",
    "causality",
    "site_aware_at",
)
_CAUSALITY = ("causality_text", "severity_scale", "severity_mark", "severity_grade", "outcome_mark")


class AdverseEventForm(ReasonForm):
    """What an event is, whose judgment that is, and what kind of version it makes."""

    kind = forms.ChoiceField(
        label=_("kind of change"),
        choices=[choice for choice in VersionKind.choices if choice[0] != VersionKind.INITIAL],
        initial=VersionKind.CORRECTION,
        required=False,
    )
    information_received_at = forms.DateTimeField(
        label=_("information received"),
        required=False,
        help_text=_("UTC"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    judged_by = PersonField(
        label=_("judged by"),
        required=False,
        help_text=_("The physician from whom medical judgments are transcribed."),
    )


class AdverseEventAdmin(SetupAdmin):
    """Adverse events as they stand after their latest version; each change adds a version."""

    view_permission = P.ADVERSE_EVENT_VIEW
    add_permission = P.ADVERSE_EVENT_REPORT
    change_permission = P.ADVERSE_EVENT_REPORT
    form = AdverseEventForm
    added = ("patient", *_STATED, "judged_by", "information_received_at")
    changed = ("kind", *_STATED, "judged_by", "information_received_at")
    group = Group.SAFETY
    is_everyday = True
    linked_lookups = ("patient",)
    list_display = (
        "patient",
        "term_and_coding",
        "serious_mark",
        "onset_as_given",
        "severity_mark",
        "outcome_and_end",
        "causality",
        "site_and_trial",
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
    term_and_coding = on_two_lines("term", "coded_term", title=_("verbatim term"))
    site_and_trial = on_two_lines("site", "trial", title=_("site"))
    outcome_mark = state("outcome", _OUTCOMES)
    severity_mark = state("severity", _SEVERITIES)

    @admin.display(description=_("outcome"), ordering="outcome")
    def outcome_and_end(self, row: Any) -> Any:
        """How it ended, and when."""
        outcome = self.outcome_mark(row)
        if row.resolved is None:
            return outcome
        return format_html("{}<div>{}</div>", outcome, dated(row.resolved))

    @admin.display(description=_("serious"), ordering="is_serious")
    def serious_mark(self, row: Any) -> Any:
        """Serious by its criteria; marked where the source said otherwise."""
        if row.is_serious:
            denied = row.serious_as_reported == YesNoUnknown.NO
            return badge(_("yes, reported no") if denied else _("yes"), "danger")
        claimed = row.serious_as_reported == YesNoUnknown.YES
        return badge(_("no, reported yes"), "caution") if claimed else _("no")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what the services take; for others group what happened and how serious it is."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
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
        """Everything that no service takes is read-only."""
        return [*super().get_readonly_fields(request, obj), "serious_mark"]

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """The right to report is asked at the patient."""
        return data["patient"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Report an adverse event."""
        patient = data.pop("patient")
        return report_adverse_event(patient=patient, **_stated(data), **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Add a version that states what was changed."""
        kind = VersionKind(data.pop("kind", None) or VersionKind.CORRECTION)
        return add_follow_up(adverse_event=record, kind=kind, **_stated(data), **acting)


def _stated(data: dict[str, Any]) -> dict[str, Any]:
    """Return what the services take of what was typed."""
    facts = {name: data[name] for name in FACTS if name in data}
    rest = ("site_aware_at", "information_received_at", "judged_by")
    return {"statement": Statement(facts=facts), **{name: data.get(name) for name in rest}}


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
    site.register(_model, derived(_model, P.ADVERSE_EVENT_VIEW, Group.SAFETY, codes=("value",)))
site.register(
    models.ExpectednessAssessment,
    derived(models.ExpectednessAssessment, P.ALLOCATION_VIEW, Group.UNBLINDED, base=ProtectedAdmin),
)
