"""The desk's lists of alerts, their breaches, and scores."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import BY_SUBJECT, PLACES, SUBJECT
from patients.vocabulary import AlertState
from portal.access.permissions import Permission as P
from portal.desk.base import ClinicalAdmin
from portal.desk.columns import state
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.site import site

_STATES = {
    AlertState.OPEN.value: "danger",
    AlertState.ACKNOWLEDGED.value: "caution",
    AlertState.CLOSED.value: "good",
}


@admin.display(description=_("version of the rule"), ordering="rule_version__number")
def _rule_version(model_admin: Any, row: Any) -> Any:
    """Return the version that fired, and since when it has been in force, with its page."""
    version = row.rule_version
    page = reverse("admin:patients_riskruleversion_change", args=[version.pk])
    link = format_html('<a href="{}">{}</a>', page, gettext("version %s") % version.number)
    if version.activated_at is None:
        return link
    since = gettext("in force since %s") % f"{version.activated_at:%Y-%m-%d}"
    return format_html('{} <span class="cell-muted">{}</span>', link, since)


class AlertAdmin(ClinicalAdmin):
    """Alerts: which rule in which version fired, on which values, who has it."""

    view_permission = P.ALERT_VIEW
    group = Group.SAFETY
    is_everyday = True
    linked_lookups = ("patient", "rule")
    ordering = ("-raised_at", "-id")
    date_hierarchy = "raised_at"
    list_display = (
        "patient",
        "state_mark",
        "facts_facts",
        "rule",
        "rule_version_text",
        "raised_at",
        "due_at",
        "acknowledged_by",
        "was_actionable_mark",
        "site",
    )
    list_display_links = ("patient",)
    list_filter = ("state", "kind", "is_medical", "was_actionable", *PLACES)
    list_select_related = ("patient", "rule", "rule_version__rule", "acknowledged_by", "site")
    search_fields = (*BY_SUBJECT, "rule__name")
    search_help_text = SUBJECT
    rule_version_text = _rule_version
    state_mark = state("state", _STATES)


site.register(models.Alert, AlertAdmin)
site.register(
    models.AlertBreach,
    derived(
        models.AlertBreach,
        P.ALERT_VIEW,
        Group.SAFETY,
        rule_version_text=_rule_version,
        list_select_related=("alert", "patient", "site", "trial", "rule_version__rule"),
    ),
)
site.register(models.Score, derived(models.Score, P.SCORE_VIEW, Group.SAFETY, codes=("name",)))
site.register(
    models.ConsentDecision, derived(models.ConsentDecision, P.EPRO_REPORT_VIEW, Group.MEASUREMENTS)
)
