"""The desk's lists of notices, their sendings and escalations; absences, to be changed."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.notices import models
from portal.notices.services.people import go_away

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


class AbsenceAdmin(SetupAdmin):
    """Who is away, from when until when, and who stands in."""

    form = AbsenceForm
    view_permission = P.USER_VIEW
    change_permission = P.USER_CHANGE
    add_permission = P.USER_CHANGE
    group = Group.PEOPLE
    belongs_nowhere = True
    added = ("person", "deputy", "from_at", "to_at")
    list_display = ("person", "deputy", "from_at", "to_at", "created_at")
    list_select_related = ("person", "deputy")
    linked_lookups = ()

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Call the service."""
        return go_away(**data, **acting)


site.register(models.Absence, AbsenceAdmin)
