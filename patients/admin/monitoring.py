"""Monitoring plans, clinical flags and time zones at the desk, each through its service."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import BY_SUBJECT, SUBJECT
from patients.services import monitoring
from patients.services.diary_plans import change_zone
from portal.access.permissions import Permission as P
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site

_FACTS = (
    "setting",
    "news2_enabled",
    "continuous_limit_minutes",
    "observation_window_minutes",
    "offline_grace_hours",
    "fresh_for",
)


class PlanForm(ReasonForm):
    """How a site watches its patients."""

    fresh_for = forms.JSONField(
        label=_("Fresh for"),
        required=False,
        help_text=_(
            'Seconds by the code of a vital sign, such as {"heart_rate": 3600}. An older reading '
            "is shown gray. Empty: the portal's own times."
        ),
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
    )

    def clean_fresh_for(self) -> Any:
        """Return no times where nothing is typed."""
        return self.cleaned_data["fresh_for"] or {}


class MonitoringPlanAdmin(SetupAdmin):
    """Monitoring plans: NEWS2 is off until a plan turns it on."""

    form: type[forms.ModelForm] = PlanForm  # type: ignore[type-arg]
    view_permission = P.RISK_RULE_VIEW
    add_permission = P.RISK_RULE_CHANGE
    change_permission = P.RISK_RULE_CHANGE
    group = Group.SAFETY
    linked_lookups = ("site",)
    added = ("site", *_FACTS)
    changed = _FACTS
    list_display = (
        "site",
        "setting",
        "news2_enabled_mark",
        "continuous_limit_minutes",
        "created_at",
    )
    list_display_links = ("site",)
    list_filter = ("setting", "news2_enabled", scoped("site"))
    list_select_related = ("site",)

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A plan belongs to its site."""
        return data["site"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Write the plan."""
        return monitoring.plan_monitoring(site=data.pop("site"), facts=data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Change the plan."""
        return monitoring.change_monitoring_plan(plan=record, facts=data, **acting)


class FlagForm(ReasonForm):
    """Which fact holds, and whether it has ended."""

    end_now = forms.BooleanField(
        label=_("End it now"),
        required=False,
        help_text=_("Scores that are there keep what they were computed with."),
    )


class ClinicalFlagAdmin(SetupAdmin):
    """Flags that change how readings are judged: the scale of the saturation, pregnancy."""

    form: type[forms.ModelForm] = FlagForm  # type: ignore[type-arg]
    view_permission = P.PATIENT_VIEW
    add_permission = P.PATIENT_JUDGE_ELIGIBILITY
    change_permission = P.PATIENT_JUDGE_ELIGIBILITY
    is_everyday = True
    group = Group.PATIENTS
    added = ("patient", "kind", "from_at", "to_at")
    changed = ("end_now",)
    list_display = ("patient", "kind", "from_at", "to_at", "author", "site")
    list_filter = ("kind", scoped("trial"), scoped("site"))
    list_select_related = ("patient", "author", "site")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A flag is about a patient."""
        return data["patient"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Record the flag."""
        return monitoring.flag_patient(**data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """End the flag."""
        return monitoring.end_flag(flag=record, **acting)


class PatientZoneAdmin(SetupAdmin):
    """Where a patient's clock runs; another zone is another row, from now on."""

    view_permission = P.PATIENT_VIEW
    add_permission = P.PATIENT_CHANGE
    group = Group.PATIENTS
    is_everyday = True
    added = ("patient", "time_zone")
    list_display = ("patient", "time_zone", "from_at", "created_at")
    list_select_related = ("patient",)
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A zone is a patient's."""
        return data["patient"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Change the zone from now on."""
        return change_zone(**data, **acting)


site.register(models.MonitoringPlan, MonitoringPlanAdmin)
site.register(models.ClinicalFlag, ClinicalFlagAdmin)
site.register(models.PatientZone, PatientZoneAdmin)
