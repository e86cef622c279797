"""The desk's lists of accounts and sessions."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.models import PortalUserPermission
from portal.access.permissions import Permission as P
from portal.accounts.models import (
    RefreshToken,
    RightsChange,
    Session,
    SignInCounter,
    SignInRefusal,
    User,
    UserKind,
)
from portal.accounts.services import users
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import badge, right_as_stored, state
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site


class UserForm(ReasonForm):
    """An account, and a password to begin with."""

    first_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep it. A new password ends every session of the account."),
    )


class UserAdmin(SetupAdmin):
    """Accounts. Roles are given by assignments, never here."""

    form = UserForm
    view_permission = P.USER_VIEW
    change_permission = P.USER_CHANGE
    add_permission = P.USER_CHANGE
    is_everyday = True
    group = Group.PEOPLE
    added = ("username", "display_name", "email", "organization", "language", "first_password")
    changed = ("display_name", "email", "organization", "language", "is_active", "first_password")
    hidden = ("password", "last_login", "is_superuser", "session_version")
    list_display = (
        "username",
        "display_name",
        "organization",
        "kind",
        "active_mark",
        "email",
        "created_at",
    )
    list_filter = ("kind", "is_active")
    search_fields = ("^username", "display_name", "^email")
    search_help_text = _("User name, display name or e-mail")
    choice_ordering = ("username",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes a service account here: nobody is ever to sign in with one."""
        if obj is not None and obj.kind == UserKind.SERVICE:
            return False
        return super().has_change_permission(request, obj)

    @admin.display(description=_("state"), ordering="is_active")
    def active_mark(self, row: Any) -> str:
        """Whether the account can be used."""
        return badge(_("active"), "good") if row.is_active else badge(_("switched off"), "blocked")

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Make the account."""
        password = data.pop("first_password", "") or None
        return users.create_user(**data, password=password, is_staff=True, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Change how it is shown, its password, or whether it can be used."""
        password = data.pop("first_password", "")
        active = data.pop("is_active", None)
        if data:
            record = users.change_user(user=record, **acting, **data)
        if password:
            record = users.set_password(user=record, password=password, **acting)
        if active is not None:
            switch = users.reactivate_user if active else users.deactivate_user
            record = switch(user=record, **acting)
        return record


class SessionAdmin(ScopedModelAdmin):
    """Sessions: who signed in, when, from where, and why it ended."""

    view_permission = P.SESSION_VIEW
    group = Group.PEOPLE
    date_hierarchy = "created_at"
    list_display = (
        "user",
        "kind",
        "created_at",
        "expires_at",
        "revoked_at",
        "ended_mark",
        "address",
        "user_agent",
    )
    list_filter = ("kind", "revoked_reason")
    list_select_related = ("user",)
    search_fields = ("^user__username", "=address")
    search_help_text = _("User name or address")
    ended_mark = state(
        "revoked_reason", {"reused": "danger", "revoked": "caution"}, title=_("why it ended")
    )

    def may_see_history(self, request: HttpRequest, record: Any) -> bool:
        """Whoever may see sessions may see what became of them."""
        return self.has_view_permission(request, record)


site.register(User, UserAdmin)
site.register(Session, SessionAdmin)
site.register(
    RefreshToken,
    derived(
        RefreshToken,
        P.SESSION_VIEW,
        Group.PEOPLE,
        base=ScopedModelAdmin,
        hidden=("jti_digest", "used_by_client"),
    ),
)
site.register(
    SignInCounter,
    derived(SignInCounter, P.SESSION_VIEW, Group.PEOPLE, base=ScopedModelAdmin),
)
site.register(
    RightsChange, derived(RightsChange, P.SESSION_VIEW, Group.PEOPLE, base=ScopedModelAdmin)
)
site.register(
    SignInRefusal,
    derived(SignInRefusal, P.SESSION_VIEW, Group.PEOPLE, base=ScopedModelAdmin, hidden=("key",)),
)
site.register(
    PortalUserPermission,
    derived(
        PortalUserPermission,
        P.ASSIGNMENT_VIEW,
        Group.PEOPLE,
        base=ScopedModelAdmin,
        list_display=("user", "permission_text", "valid_from", "valid_until"),
        list_select_related=("user", "permission"),
        permission_text=right_as_stored,
        search_fields=("^user__username", "^permission__codename"),
    ),
)
