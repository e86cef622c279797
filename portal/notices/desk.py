"""The desk's lists of notices, their sendings and escalations; absences, to be changed."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.core import clock
from portal.desk.base import ScopedModelAdmin
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.notices import models
from portal.notices.services.people import come_back, correct_absence, go_away

_TOLD: tuple[tuple[Any, P], ...] = (
    (models.Notice, P.NOTICE_VIEW),
    (models.NoticeSending, P.NOTICE_VIEW),
    (models.Escalation, P.ESCALATION_VIEW),
    (models.EscalationStep, P.ESCALATION_STEP_VIEW),
)
_TECHNICAL: tuple[Any, ...] = (models.Dispatch, models.WatcherHeartbeat)
_OF_PEOPLE: tuple[Any, ...] = (
    models.Preference,
    models.NoticeCounter,
    models.PushSubscription,
)
for _model, _permission in _TOLD:
    site.register(
        _model,
        derived(_model, _permission, Group.NOTICES, base=ScopedModelAdmin, linked_lookups=()),
    )
for _model in _TECHNICAL:
    site.register(
        _model,
        derived(
            _model,
            P.OUTBOX_DELIVERY_VIEW,
            Group.AUDIT,
            base=ScopedModelAdmin,
            linked_lookups=(),
        ),
    )
for _model in _OF_PEOPLE:
    site.register(
        _model,
        derived(_model, P.USER_VIEW, Group.PEOPLE, base=ScopedModelAdmin, linked_lookups=()),
    )


class AbsenceForm(ReasonForm):
    """Who is away, and who stands in."""

    person = PersonField(label=_("person"))
    deputy = PersonField(label=_("deputy"))
    end_now = forms.BooleanField(
        label=_("End it now"),
        required=False,
        help_text=_("The person is back; from now on they are told themselves."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["deputy"] = self.instance.deputy.username


class AbsenceAdmin(SetupAdmin):
    """Who is away, from when until when, and who stands in."""

    form = AbsenceForm
    view_permission = P.USER_VIEW
    change_permission = P.USER_CHANGE
    add_permission = P.USER_CHANGE
    group = Group.PEOPLE
    is_everyday = True
    belongs_nowhere = True
    added = ("person", "deputy", "from_at", "to_at")
    changed = ("deputy", "from_at", "to_at", "end_now")
    list_display = ("person", "deputy", "from_at", "to_at", "created_at")
    list_select_related = ("person", "deputy")
    search_fields = ("^person__username", "person__display_name")
    search_help_text = _("Person")
    linked_lookups = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has ended is history."""
        if obj is not None and obj.to_at <= clock.now():
            return False
        return super().has_change_permission(request, obj)

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Record the absence."""
        return go_away(**data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """End it, or correct what was recorded."""
        if data.pop("end_now", False):
            return come_back(absence=record, **acting)
        return correct_absence(absence=record, **data, **acting)


site.register(models.Absence, AbsenceAdmin)
