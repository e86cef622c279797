"""Risk rules at the desk: what a trial wants to be told of, begun from a proposal."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.rule_versions import STATES, page_of
from patients.services import risk_rules
from patients.vocabulary import RuleState
from portal.access.permissions import Permission as P
from portal.access.scoping import visible
from portal.desk.columns import badge, figure
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site


class RuleForm(ReasonForm):
    """Which proposal a rule starts from."""

    proposal = forms.ChoiceField(
        label=_("Start from"),
        choices=[(code, one.name) for code, one in risk_rules.PROPOSALS.items()],
        help_text=_(
            "A proposal for adults. Its values are changed in the draft, tried on history, and "
            "count only when a physician has put them into force."
        ),
    )


class RiskRuleAdmin(SetupAdmin):
    """Rules: what a trial wants to be told of."""

    form: type[forms.ModelForm] = RuleForm  # type: ignore[type-arg]
    view_permission = P.RISK_RULE_VIEW
    add_permission = P.RISK_RULE_CHANGE
    group = Group.SAFETY
    is_everyday = True
    linked_lookups = ("trial",)
    added = ("trial", "name", "code", "proposal")
    ordering = ("trial", "code")
    list_display = ("name", "in_force_mark", "judged_figure", "actionable_figure", "kind", "trial")
    list_filter = ("kind", scoped("trial"))
    list_select_related = ("trial",)
    search_fields = ("name", "^code")
    search_help_text = _("Rule")
    choice_ordering = ("name",)
    judged_figure = figure("judged", title=_("alerts judged"))
    actionable_figure = figure("actionable", title=_("of them to act on"))

    def get_queryset(self, request: HttpRequest) -> Any:
        """Count the judged alerts that the reader may see."""
        seen = visible(models.Alert.objects.all(), request.user, P.ALERT_VIEW)  # type: ignore[arg-type]
        own = Q(alerts__in=seen, alerts__was_actionable__isnull=False)
        return (
            super()
            .get_queryset(request)
            .annotate(
                judged=Count("alerts", filter=own, distinct=True),
                actionable=Count(
                    "alerts", filter=own & Q(alerts__was_actionable=True), distinct=True
                ),
            )
            .prefetch_related("versions")
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the versions first."""
        shown = super().get_fieldsets(request, obj)
        return shown if obj is None else [(None, {"fields": ["versions_mark"]}), *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The versions are told, each on its own page."""
        return [*super().get_readonly_fields(request, obj), *(["versions_mark"] if obj else [])]

    @admin.display(description=_("in force"))
    def in_force_mark(self, row: Any) -> Any:
        """Which version counts now."""
        for version in row.versions.all():
            if version.state == RuleState.ACTIVE:
                return badge(gettext("version %s") % version.number, "good")
        return badge(gettext("none"), "caution")

    @admin.display(description=_("versions"))
    def versions_mark(self, row: Any) -> Any:
        """The versions with their states, the newest first."""
        told = format_html_join(
            "",
            '<div><a href="{}">{}</a> {}</div>',
            (
                (
                    page_of(version),
                    gettext("Version %s") % version.number,
                    badge(version.get_state_display(), STATES.get(version.state, "")),
                )
                for version in sorted(row.versions.all(), key=lambda one: -one.number)
            ),
        )
        add = f"{reverse('admin:patients_riskruleversion_add')}?{urlencode({'rule': row.pk})}"
        return format_html(
            '{}<div><a href="{}">{}</a></div>', told, add, gettext("Write another version")
        )

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A rule belongs to its trial."""
        return data["trial"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Write the rule with its first draft."""
        return risk_rules.start_rule(**data, **acting).rule

    def response_add(
        self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Go on with the draft."""
        super().response_add(request, obj, *args, **kwargs)
        return HttpResponseRedirect(page_of(models.RiskRuleVersion.objects.get(rule=obj.pk)))


site.register(models.RiskRule, RiskRuleAdmin)
