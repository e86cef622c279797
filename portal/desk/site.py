"""The desk: one admin site for everybody whose role opens it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import scopes
from portal.accounts.desk_sessions import close_desk_session, desk_session, open_desk_session
from portal.accounts.models import User
from portal.accounts.services.sign_in_refusals import Refusal, refuse
from portal.accounts.services.users import set_password
from portal.api.people import role_codes
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.core.history import under
from portal.desk.groups import Group


def opens_desk(user: User | AnonymousUser) -> bool:
    """Whether the person holds anything beyond their own record as a patient."""
    if not user.is_active or not user.is_authenticated:
        return False
    return any(held.everywhere or held.trials or held.sites for held in scopes(user).values())


class SignInForm(AuthenticationForm):
    """Name and password. One answer for a wrong name, a wrong password and a patient's account."""

    error_messages = {
        "invalid_login": _(
            "The user name or the password is not right, or the account has no place at the desk. "
            "Check both and try again."
        ),
        "inactive": _("This account is switched off."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse an account without a place at the desk. Raises: ValidationError."""
        if not opens_desk(user):
            address = getattr(self.request, "client_address", None)
            refuse(Refusal(user.username, user, address, "no_place_at_the_desk"), at=clock.now())
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class PasswordForm(PasswordChangeForm):  # type: ignore[type-arg]
    """The old password and the new one, twice; saved by the service, which ends every session."""

    def save(self, commit: bool = True) -> Any:
        """Hand the new password to its service."""
        return set_password(
            user=self.user,
            password=self.cleaned_data["new_password1"],
            by=self.user,
            at=clock.now(),
            reason="changed by its owner",
        )


class PasswordView(PasswordChangeView):
    """Change one's own password, then sign in again."""

    form_class = PasswordForm
    template_name = "registration/password_change_form.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Save, and show the sign-in page."""
        form.save()
        logout(self.request)
        messages.success(self.request, _("Your password is changed. Sign in with the new one."))
        return HttpResponseRedirect(reverse("admin:login"))


class DeskSite(AdminSite):
    """Django's admin with our rights and our order."""

    site_title = _("Clinical research portal")
    site_header = _("Clinical research portal")
    index_title = _("Desk")
    empty_value_display = "–"
    login_form = SignInForm

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person has a place at the desk and their session still counts."""
        kept: bool | None = getattr(request, "_opens_desk", None)
        if kept is None:
            kept = opens_desk(request.user) and _session_counts(request)  # type: ignore[arg-type]
            request._opens_desk = kept  # type: ignore[attr-defined]
        return kept

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign in, and record the session."""
        if request.user.is_authenticated and not self.has_permission(request):
            logout(request)
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            user: Any = request.user
            with under(role=" ".join(role_codes(user)), organization=user.organization):
                open_desk_session(request, user)
        return response

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out, and record that."""
        if request.method == "POST":
            close_desk_session(request)
        return super().logout(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Change one's own password."""
        request.current_app = self.name  # type: ignore[attr-defined]
        context = {**self.each_context(request), **(extra_context or {})}
        return PasswordView.as_view(extra_context=context)(request)

    def get_urls(self) -> list[Any]:
        """Leave out what is not used here and would answer for any type of record."""
        unused = ("view_on_site", "autocomplete")
        return [url for url in super().get_urls() if getattr(url, "name", "") not in unused]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the groups of work, each with the lists that the person may open."""
        groups: dict[Group, list[dict[str, Any]]] = {}
        for model, model_admin in self._registry.items():
            if app_label and model._meta.app_label != app_label:
                continue
            if model_admin.has_view_permission(request):
                group: Group = model_admin.group  # type: ignore[attr-defined]
                groups.setdefault(group, []).append(self._entry(request, model, model_admin))
        return [
            {
                "name": group.title,
                "description": group.description,
                "app_label": group.value,
                "app_url": reverse("admin:index", current_app=self.name),
                "has_module_perms": True,
                "models": sorted(groups[group], key=lambda entry: not entry["is_everyday"]),
            }
            for group in Group
            if group in groups
        ]

    def _entry(self, request: HttpRequest, model: Any, model_admin: Any) -> dict[str, Any]:
        address = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        may_add = model_admin.has_add_permission(request)
        try:
            add_url = reverse(f"{address}_add", current_app=self.name) if may_add else None
        except NoReverseMatch:
            add_url = None
        return {
            "model": model,
            "name": capfirst(model._meta.verbose_name_plural),
            "singular": model._meta.verbose_name,
            "object_name": model._meta.object_name,
            "is_everyday": model_admin.is_everyday,
            "admin_url": reverse(f"{address}_changelist", current_app=self.name),
            "add_url": add_url,
            "view_only": not model_admin.has_change_permission(request),
        }


def _session_counts(request: HttpRequest) -> bool:
    try:
        return desk_session(request).user_id == request.user.pk
    except NotAuthenticated:
        return False


site = DeskSite(name="admin")
