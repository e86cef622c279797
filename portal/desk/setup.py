"""Set-up objects: changed here by the same services as elsewhere, each time with a reason."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission
from portal.access.scoping import may, scope
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError, NotPermitted
from portal.desk.base import PlainForm, ScopedModelAdmin
from portal.desk.layout import TOLD_AS, fieldsets_of

REASON = "change_reason"


class PersonField(forms.CharField):
    """A person by user name: a list of everybody would tell who else is here."""

    default_error_messages = {"unknown": _("There is no active account of that name.")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"class": "vTextField"}))
        super().__init__(max_length=150, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the account. Raises: ValidationError."""
        name = super().clean(value)
        if not name:
            return None
        found = User.objects.filter(username__iexact=name, is_active=True).first()
        if found is None:
            raise ValidationError(self.error_messages["unknown"], code="unknown")
        return found


class ReasonForm(PlainForm):
    """A form that also asks why."""

    change_reason = forms.CharField(
        label=_("Reason for the change"),
        min_length=3,
        max_length=500,
        strip=True,
        help_text=_("Kept in the history beside who and when."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    refusal: ClassVar[DomainError | None] = None

    def field_at(self, pointer: str) -> str:
        """Return the field of what a service calls by this name."""
        return pointer

    def clean(self) -> dict[str, Any] | None:
        """Show what the service refused, each part at its field; a change changes something."""
        cleaned = super().clean()
        if not self.instance._state.adding and not set(self.changed_data) - {REASON}:
            self.add_error(None, _("Nothing is changed yet. Change something, or close the page."))
        if self.refusal is None:
            return cleaned
        for part in self.refusal.told_parts():
            name = self.field_at(part.pointer.strip("/"))
            self.add_error(name if name in self.fields else None, part.detail)
        if not self.refusal.errors:
            self.add_error(None, self.refusal.told())
        return cleaned


class SetupAdmin(ScopedModelAdmin):
    """A set-up object. `added` and `changed` name the fields that its services take.

    Subclasses implement `create` and `change` by calling the services; nothing is saved otherwise.
    """

    form = ReasonForm
    # The browser's own pickers: labeled, in the reader's language, and without a script.
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            "help_text": _("UTC"),
        },
        models.DateField: {"widget": forms.DateInput({"type": "date"}, format="%Y-%m-%d")},
    }
    added: ClassVar[tuple[str, ...]] = ()
    changed: ClassVar[tuple[str, ...]] = ()
    # Rows that belong to no trial may be added by whoever holds the right anywhere.
    belongs_nowhere: ClassVar[bool] = False

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Call the service that makes one; returns it. Raises: DomainError."""
        raise NotPermitted()

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Call the service that changes one; `data` holds what differs. Raises: DomainError."""
        raise NotPermitted()

    def changed_of(self, record: Any) -> tuple[str, ...]:
        """Return what the form of this record asks for."""
        return self.changed

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """Return what a new row will belong to: the right to add is asked there."""
        return None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what the service takes, with the reason; show the rest."""
        if obj is None:
            return [(None, {"fields": [*self.added, REASON]})]
        shown = fieldsets_of(self, obj)
        if not (self.changed and self.has_change_permission(request, obj)):
            return shown
        rest = [name for name in shown[0][1]["fields"] if name not in self._asked_by_name(obj)]
        asked = [(None, {"fields": [*self.changed_of(obj), REASON]})]
        return [*asked, *([(_("Fixed"), {"fields": rest})] if rest else []), *shown[1:]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything that no service takes is read-only."""
        if obj is None:
            return []
        shown = set(super().get_readonly_fields(request, obj))
        # A field that the form declares is not asked for where its column tells it.
        declared = self.form.declared_fields  # type: ignore[attr-defined]
        shown |= {name for name in declared if shown & {f"{name}{ending}" for ending in TOLD_AS}}
        return sorted(shown - self._asked_by_name(obj))

    def _asked_by_name(self, record: Any) -> set[str]:
        asked = self.changed_of(record)
        return {*asked, *(f"{name}{ending}" for name in asked for ending in TOLD_AS)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether there is a service for changes and the reader holds the right to it."""
        return bool(self.changed) and super().has_change_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer, and accept, only related rows within the reader's scope."""
        remote = db_field.remote_field.model
        if not self.admin_site.is_registered(remote):
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        remote_admin: Any = self.admin_site.get_model_admin(remote)
        kwargs["queryset"] = remote_admin.get_queryset(request).order_by(
            *remote_admin.choice_ordering
        )
        made: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        made.label_from_instance = remote_admin.choice_label
        return made

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Offer one way to save."""
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Without Django's links to add or change a related row in a pop-up window."""
        made = super().formfield_for_dbfield(db_field, request, **kwargs)
        return self._without_wrapper(made)

    @staticmethod
    def _without_wrapper(made: Any) -> Any:
        inner = getattr(getattr(made, "widget", None), "widget", None)
        if inner is not None and not isinstance(made.widget, forms.MultiWidget):
            made.widget = inner
        return made

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, carrying what the service refused on the first try."""
        made = super().get_form(request, obj, change, **kwargs)
        made.refusal = getattr(request, "desk_refusal", None)
        return made

    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Say what was saved by its name, and go back to the list."""
        self._say_saved(request, obj)
        return self.response_post_save_add(request, obj)

    def response_change(self, request: Any, obj: Any) -> HttpResponse:
        """Say what was saved by its name, and go back to the list."""
        self._say_saved(request, obj)
        return self.response_post_save_change(request, obj)

    def _say_saved(self, request: Any, obj: Any) -> None:
        name, below = self.title_of(self.get_object(request, str(obj.pk)) or obj)
        url = reverse(self.admin_site.name + f":{self._address}_change", args=[obj.pk])
        link = format_html('<a href="{}">{}</a>', url, name)
        told = format_html("{}, {}", link, below) if below else link
        self.message_user(request, format_html(gettext("Saved: {}"), told), messages.SUCCESS)

    @property
    def _address(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Turn a service's refusal into an error on the form: nothing typed is lost."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refused:
            request.desk_refusal = refused
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Hand the change to its service; the model is never saved here."""
        asked = self.changed_of(obj) if change else self.added
        told = {name: form.cleaned_data[name] for name in asked if name in form.cleaned_data}
        acting = {"by": request.user, "at": clock.now(), "reason": form.cleaned_data[REASON]}
        if change:
            differing = {name: told[name] for name in told if name in form.changed_data}
            if differing:
                self.change(self.get_object(request, str(obj.pk)), differing, **acting)
        else:
            self._check_anchor(request.user, told)
            obj.pk = self.create(told, **acting).pk

    def _check_anchor(self, user: Any, told: dict[str, Any]) -> None:
        if self.belongs_nowhere:
            return
        anchor = self.anchor_of(told)
        permission: Permission = self.add_permission  # type: ignore[assignment]
        if anchor is None:
            allowed = scope(user, permission).everywhere
        else:
            allowed = may(user, permission, anchor)
        if not allowed:
            raise NotPermitted(gettext("You may not do this there."))
