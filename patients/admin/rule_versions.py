"""Versions of risk rules at the desk: drafts changed and tried, put into force, retired."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.rule_forms import (
    ParametersForm,
    parameter_fields,
    parameter_names,
    parameters_of,
)
from patients.services import dry_runs, risk_rules
from patients.vocabulary import DryRunState, RuleState
from portal.access.permissions import Permission as P
from portal.access.scoping import may
from portal.core.errors import InvalidInput
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import badge, plain, state
from portal.desk.derived import derived
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import SetupAdmin
from portal.desk.site import site

STATES = {
    RuleState.ACTIVE.value: "good",
    RuleState.DRY_RUN.value: "notice",
    RuleState.RETIRED.value: "blocked",
}
_RUNS = {
    DryRunState.RUNNING.value: "notice",
    DryRunState.FINISHED.value: "good",
    DryRunState.CANCELED.value: "blocked",
    DryRunState.FAILED.value: "danger",
}
_MOST_RUNS = 10
_TRY, _STOP, _ACTIVATE, _RETIRE = "try", "stop", "activate", "retire"
_STEPS = {
    _TRY: _("Try it on the trial's history"),
    _STOP: _("Stop the dry run"),
    _ACTIVATE: _("Put it into force, confirmed by me"),
    _RETIRE: _("Take it out of force"),
}


def page_of(version: Any) -> str:
    """Return the address of a version's page."""
    return reverse("admin:patients_riskruleversion_change", args=[version.pk])


class VersionForm(ParametersForm):
    """What a version says, or the step that it takes."""

    step = forms.ChoiceField(
        label=_("Step"),
        required=False,
        help_text=_("A changed text is saved first, and tried again before it counts."),
    )


class RiskRuleVersionAdmin(SetupAdmin):
    """Versions of rules: a draft is changed and tried; what was in force is never rewritten."""

    form: type[forms.ModelForm] = VersionForm  # type: ignore[type-arg]
    view_permission = P.RISK_RULE_VIEW
    add_permission = P.RISK_RULE_CHANGE
    change_permission = P.RISK_RULE_VIEW
    group = Group.SAFETY
    linked_lookups = ("rule",)
    added = ("rule",)
    changed = ("step",)
    list_display = (
        "rule",
        "number",
        "state_mark",
        "tried_at",
        "activated_at",
        "activated_by",
        "retired_at",
        "trial",
    )
    list_filter = ("state", scoped("trial"))
    list_select_related = ("rule", "trial", "activated_by")
    search_fields = ("rule__name", "^rule__code")
    search_help_text = _("Rule")
    state_mark = state("state", STATES)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the rule, which names the version."""
        return super().get_queryset(request).select_related("rule")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may write or confirm rules, while there is something left to do."""
        if obj is None or not super().has_change_permission(request, obj):
            return False
        return bool(_steps(request.user, obj)) or _may_write(request.user, obj)

    def changed_of(self, record: Any) -> tuple[str, ...]:
        """A draft's parameters, and the step."""
        if record is None or record.state not in (RuleState.DRAFT, RuleState.DRY_RUN):
            return ("step",)
        return (*parameter_names(record.rule.kind), "step")

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Make the form of this version: its kind's parameters, the steps that are open to it."""
        if obj is None or not self.has_change_permission(request, obj):
            return super().get_form(request, obj, change, **kwargs)
        steps = [("", "—"), *((step, _STEPS[step]) for step in _steps(request.user, obj))]
        base: Any = VersionForm.base_fields["step"]
        fields: dict[str, Any] = {
            "step": forms.ChoiceField(
                label=base.label, required=False, help_text=base.help_text, choices=steps
            )
        }
        if len(self.changed_of(obj)) > 1:
            fields |= parameter_fields(obj.rule.kind, obj.parameters)
            for name, field in fields.items():
                field.disabled = name != "step" and not _may_write(request.user, obj)
        kwargs["form"] = type("VersionForm", (VersionForm,), fields)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show how it was tried, below what it says."""
        shown = super().get_fieldsets(request, obj)
        if obj is None:
            return shown
        if self.has_change_permission(request, obj) and len(self.changed_of(obj)) > 1:
            for _title, options in shown:
                options["fields"] = [n for n in options["fields"] if n != "parameters_facts"]
        return [*shown[:1], (_("Tried on history"), {"fields": ["dry_runs_mark"]}), *shown[1:]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The dry runs are told."""
        return [*super().get_readonly_fields(request, obj), *(["dry_runs_mark"] if obj else [])]

    @admin.display(description=_("dry runs"))
    def dry_runs_mark(self, row: Any) -> Any:
        """What it would have fired, the latest dry run first."""
        runs = row.dry_runs.order_by("-created_at", "-id")[:_MOST_RUNS]
        told = format_html_join("", "<div>{} {}</div>", map(_told, runs))
        return told or gettext("not tried yet")

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A version belongs to its rule."""
        return data["rule"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Write a draft that says what the version before it says."""
        rule = data["rule"]
        last = rule.versions.order_by("-number").first()
        said = last.parameters if last else {}
        return risk_rules.add_version(rule=rule, parameters=said, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Take a step; a draft's text is changed apart from that."""
        step = data.pop("step", "")
        if step:
            if data:
                raise InvalidInput(gettext("Save the changed text first, then take the step."))
            return _take(step, record, acting)
        fields = parameter_fields(record.rule.kind, record.parameters)
        said = {name: field.initial for name, field in fields.items()} | data
        parameters = parameters_of(record.rule.kind, said)
        return risk_rules.change_draft(version=record, parameters=parameters, **acting)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Stay with the version: what comes next is done here."""
        super().response_change(request, obj)
        return HttpResponseRedirect(page_of(obj))

    def response_add(
        self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Go on with the draft."""
        super().response_add(request, obj, *args, **kwargs)
        return HttpResponseRedirect(page_of(obj))


def _may_write(user: Any, version: Any) -> bool:
    is_draft = version.state in (RuleState.DRAFT, RuleState.DRY_RUN)
    return is_draft and not version.is_built_in and may(user, P.RISK_RULE_CHANGE, version)


def _steps(user: Any, version: Any) -> list[str]:
    """Return the steps that are open to a version and a person."""
    found = []
    if _may_write(user, version):
        is_running = version.dry_runs.filter(state=DryRunState.RUNNING).exists()
        found.append(_STOP if is_running else _TRY)
    if may(user, P.RISK_RULE_ACTIVATE, version):
        if version.state == RuleState.DRY_RUN:
            found.append(_ACTIVATE)
        elif version.state == RuleState.ACTIVE:
            found.append(_RETIRE)
    return found


def _take(step: str, version: Any, acting: dict[str, Any]) -> Any:
    if step == _TRY:
        return dry_runs.try_version(version=version, **acting)
    if step == _STOP:
        run = version.dry_runs.filter(state=DryRunState.RUNNING).first()
        return dry_runs.cancel_dry_run(run=run, **acting) if run else None
    if step == _ACTIVATE:
        return risk_rules.activate_version(version=version, **acting)
    return risk_rules.retire_version(version=version, **acting)


def _told(run: Any) -> tuple[Any, str]:
    mark = badge(run.get_state_display(), _RUNS.get(run.state, ""))
    if run.state == DryRunState.RUNNING:
        said = gettext("%(done)s of %(total)s patients. Load the page again to see how far it is.")
        return mark, said % {"done": run.patients_done, "total": run.patients_total}
    parts = [
        f"{run.started_at:%Y-%m-%d %H:%M} UTC",
        ngettext("%s alert", "%s alerts", run.alerts) % run.alerts,
        ngettext("%s breach", "%s breaches", run.breaches) % run.breaches,
        gettext("%s values") % run.observations,
        ngettext("%s patient", "%s patients", run.patients_done) % run.patients_done,
    ]
    if run.alerts_per_patient_day is not None:
        rate = plain(run.alerts_per_patient_day)
        parts.append(gettext("%s alerts per patient and day") % rate)
    if dry_runs.is_too_loud(run):
        parts.append(gettext("more than anybody can answer"))
    return mark, " · ".join(parts)


site.register(models.RiskRuleVersion, RiskRuleVersionAdmin)
for _model in (models.RiskRuleDryRun, models.RiskRuleCursor):
    site.register(
        _model,
        derived(
            _model,
            P.RISK_RULE_VIEW,
            Group.SAFETY,
            base=ScopedModelAdmin,
            list_select_related=(
                ("trial", "rule_version__rule", "started_by")
                if _model is models.RiskRuleDryRun
                else ("patient", "rule_version__rule")
            ),
        ),
    )
