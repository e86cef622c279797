"""Assignments and delegations: given and ended here through their services, with a reason."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.access.roles import ROLES
from portal.access.scoping import may, scope
from portal.core.errors import InvalidInput, NotPermitted
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import right_as_stored
from portal.desk.derived import derived
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site
from trials import models
from trials.services import assignments, delegations


class AssignmentForm(ReasonForm):
    """Who, which role, where: a site, else a trial, else a sponsor, else the whole portal."""

    person = PersonField(label=_("Person (user name)"))
    role = forms.ChoiceField(
        label=_("Role"),
        choices=lambda: [
            ("", "---------"),
            *((role.code, role.name) for role in ROLES.values() if role.opens_admin),
        ],
    )
    end_now = forms.BooleanField(
        label=_("End it now"),
        required=False,
        help_text=_("The person loses what it gave on their next request."),
    )


class AssignmentAdmin(SetupAdmin):
    """Assignments: the truth about access."""

    form: type[forms.ModelForm] = AssignmentForm  # type: ignore[type-arg]
    view_permission = P.ASSIGNMENT_VIEW
    add_permission = P.ASSIGNMENT_CHANGE
    change_permission = P.ASSIGNMENT_CHANGE
    is_everyday = True
    group = Group.PEOPLE
    added = ("person", "role", "sponsor", "trial", "site", "organization", "from_at", "to_at")
    changed = ("end_now",)
    list_display = (
        "person",
        "role",
        "scope",
        "sponsor",
        "trial",
        "site",
        "from_at",
        "to_at",
        "granted_by",
    )
    list_filter = ("role", "scope", scoped("trial"), scoped("site"))
    list_select_related = ("person", "sponsor", "trial", "site", "granted_by")
    search_fields = ("^person__username", "person__display_name", "=role")
    search_help_text = _("Person or role")
    date_hierarchy = "from_at"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a role by its name too, as the list shows it."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        term = search_term.strip().casefold()
        roles = [role.code for role in ROLES.values() if term in str(role.name).casefold()]
        return (found | queryset.filter(role__in=roles) if term else found), may_repeat

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """An assignment belongs to what it names."""
        return data["site"] or data["trial"] or data["sponsor"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Assign a role; nobody assigns one to themselves."""
        named = [data.pop(name) for name in ("sponsor", "trial", "site")]
        if sum(where is not None for where in named) > 1:
            raise InvalidInput(gettext("Name one of sponsor, trial and site."))
        _refuse_oneself(data["person"], acting["by"])
        where = next((where for where in named if where is not None), None)
        return assignments.assign_role(**data, where=where, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """End the assignment."""
        _refuse_oneself(record.person, acting["by"])
        anchor = record.site or record.trial or record.sponsor
        by = acting["by"]
        held = P.ASSIGNMENT_CHANGE
        if not (may(by, held, anchor) if anchor else scope(by, held).everywhere):
            raise NotPermitted(gettext("You may not do this there."))
        return assignments.end_assignment(assignment=record, **acting)


class DelegationForm(ReasonForm):
    """Which task, from whom to whom."""

    principal_investigator = PersonField(label=_("Principal investigator (user name)"))
    delegate = PersonField(label=_("Delegate (user name)"))
    end_now = forms.BooleanField(label=_("End it now"), required=False)


class DelegationAdmin(SetupAdmin):
    """Delegations of a site's tasks."""

    form: type[forms.ModelForm] = DelegationForm  # type: ignore[type-arg]
    view_permission = P.DELEGATION_VIEW
    add_permission = P.DELEGATION_CHANGE
    change_permission = P.DELEGATION_CHANGE
    is_everyday = True
    group = Group.PEOPLE
    added = (
        "site",
        "principal_investigator",
        "delegate",
        "task",
        "effective_from",
        "trained_on",
        "training",
        "accepted_at",
    )
    changed = ("end_now",)
    list_display = (
        "delegate",
        "task",
        "site",
        "principal_investigator",
        "effective_from",
        "effective_to",
        "accepted_at",
    )
    list_filter = ("task", scoped("site"))
    list_select_related = ("delegate", "site", "principal_investigator")
    search_fields = ("^delegate__username", "delegate__display_name")
    search_help_text = _("Delegate")
    date_hierarchy = "effective_from"

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A delegation belongs to its site."""
        return data["site"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Delegate a task; the investigator does this in person."""
        if data["principal_investigator"].pk != acting["by"].pk:
            raise NotPermitted(gettext("Only the principal investigator delegates, in person."))
        return delegations.delegate_task(**data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """End the delegation."""
        return delegations.end_delegation(delegation=record, **acting)


def _refuse_oneself(person: Any, by: Any) -> None:
    if person.pk == by.pk:
        raise NotPermitted(gettext("Nobody gives or takes their own roles: ask a colleague."))


site.register(models.Assignment, AssignmentAdmin)
site.register(models.Delegation, DelegationAdmin)
site.register(models.AccessReview, derived(models.AccessReview, P.ACCESS_REVIEW_VIEW, Group.PEOPLE))
for _model in (models.TrialUserPermission, models.SiteUserPermission):
    site.register(
        _model,
        derived(
            _model,
            P.ASSIGNMENT_VIEW,
            Group.PEOPLE,
            base=ScopedModelAdmin,
            list_display=("user", "permission_text", "content_object", "valid_from", "valid_until"),
            permission_text=right_as_stored,
            list_select_related=("user", "permission", "content_object"),
            search_fields=("^user__username", "^permission__codename"),
        ),
    )
