"""Sponsors, institutions, trials and sites: set up here through their services."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.columns import state
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site
from trials import models
from trials.services import setup, sites
from trials.vocabulary import SiteStatus, TrialStatus

_TRIAL_STATES = {
    TrialStatus.ACTIVE.value: "good",
    TrialStatus.CLOSED_TO_ACCRUAL.value: "notice",
    TrialStatus.TERMINATED.value: "danger",
}
_SITE_STATES = {
    SiteStatus.ACTIVE.value: "good",
    SiteStatus.ON_HOLD.value: "caution",
    SiteStatus.CLOSED.value: "blocked",
}


class SponsorAdmin(SetupAdmin):
    """Sponsors."""

    view_permission = P.SPONSOR_VIEW
    add_permission = P.SPONSOR_CHANGE
    group = Group.TRIALS
    added = ("name",)
    list_display = ("name", "created_at")
    search_fields = ("name",)
    choice_ordering = ("name",)

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Create a sponsor."""
        return setup.create_sponsor(**data, **acting)


class InstitutionAdmin(SetupAdmin):
    """Institutions."""

    view_permission = P.INSTITUTION_VIEW
    add_permission = P.INSTITUTION_CHANGE
    belongs_nowhere = True
    group = Group.TRIALS
    added = ("name", "country")
    list_display = ("name", "country", "created_at")
    search_fields = ("name", "=country")
    choice_ordering = ("name",)

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Create an institution."""
        return setup.create_institution(**data, **acting)


class TrialAdmin(SetupAdmin):
    """Trials."""

    view_permission = P.TRIAL_VIEW
    add_permission = P.TRIAL_CHANGE
    is_everyday = True
    group = Group.TRIALS
    added = ("sponsor", "number", "title", "phase", "blinding", "safety_zone")
    list_display = ("number", "title", "sponsor", "phase", "status_mark", "blinding", "created_at")
    list_filter = ("status", "phase", "blinding", scoped("sponsor"))
    list_select_related = ("sponsor",)
    search_fields = ("^number", "title")
    search_help_text = _("Number or title")
    choice_ordering = ("number",)
    status_mark = state("status", _TRIAL_STATES)

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A trial belongs to its sponsor."""
        return data["sponsor"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Create a trial."""
        return setup.create_trial(**data, **acting)


class SiteAdmin(SetupAdmin):
    """Sites."""

    view_permission = P.SITE_VIEW
    add_permission = P.SITE_CHANGE
    change_permission = P.SITE_CHANGE
    is_everyday = True
    group = Group.TRIALS
    added = ("trial", "institution", "code", "country", "time_zone")
    changed = ("status",)
    list_display = (
        "code",
        "trial",
        "institution",
        "country",
        "time_zone",
        "status_mark",
        "activated_at",
    )
    list_filter = ("status", scoped("trial"))
    list_select_related = ("trial", "institution")
    search_fields = ("^code", "institution__name", "^trial__number")
    search_help_text = _("Code, institution or trial")
    choice_ordering = ("trial__number", "code")
    status_mark = state("status", _SITE_STATES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the sites in scope, each with its trial for its label."""
        return super().get_queryset(request).select_related("trial")

    def choice_label(self, record: Any) -> str:
        """Site codes repeat from trial to trial."""
        return f"{record.trial.number} · {record.code}"

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A site belongs to its trial."""
        return data["trial"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Open a site, planned."""
        data["time_zone"] = data["time_zone"] or None
        return sites.open_site(**data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Move the site to another status."""
        return sites.change_site_status(site=record, status=SiteStatus(data["status"]), **acting)


class SiteApprovalAdmin(SetupAdmin):
    """Approvals that sites received."""

    view_permission = P.SITE_VIEW
    add_permission = P.SITE_CHANGE
    group = Group.TRIALS
    added = (
        "site",
        "kind",
        "reference",
        "approved_on",
        "effective_on",
        "expires_on",
        "protocol_version",
        "document",
    )
    list_display = ("reference", "site", "kind", "approved_on", "effective_on", "expires_on")
    list_filter = ("kind", scoped("site"))
    list_select_related = ("site",)
    search_fields = ("reference", "^site__code")

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """An approval belongs to its site."""
        return data["site"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Record an approval."""
        return sites.record_approval(**data, **acting)


class InvestigatorForm(ReasonForm):
    """Who leads a site from when."""

    person = PersonField(label=_("Person (user name)"))


class PrincipalInvestigatorAdmin(SetupAdmin):
    """Who led which site from when to when."""

    form: type[forms.ModelForm] = InvestigatorForm  # type: ignore[type-arg]
    view_permission = P.SITE_VIEW
    add_permission = P.SITE_CHANGE
    group = Group.PEOPLE
    added = ("site", "person", "from_on")
    list_display = ("person", "site", "from_on", "to_on")
    list_filter = (scoped("site"),)
    list_select_related = ("person", "site")
    search_fields = ("^person__username", "^site__code")

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A tenure belongs to its site."""
        return data["site"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Appoint a principal investigator; the tenure before ends that day."""
        return sites.appoint_principal_investigator(**data, **acting)


site.register(models.Trial, TrialAdmin)
site.register(models.Site, SiteAdmin)
site.register(models.Sponsor, SponsorAdmin)
site.register(models.Institution, InstitutionAdmin)
site.register(models.SiteApproval, SiteApprovalAdmin)
site.register(models.PrincipalInvestigator, PrincipalInvestigatorAdmin)
