"""Who is connected live, and ending a connection."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.live.models import LiveConnection, PendingUpdate, UsedTicket
from portal.live.services import connections


class ConnectionForm(ReasonForm):
    """Close one connection."""

    close = forms.BooleanField(
        label=_("Close this connection"),
        help_text=_("The session goes on: end the session to keep the person out."),
    )


class LiveConnectionAdmin(SetupAdmin):
    """Open sockets: who, since when, what goes through, and how far behind."""

    form = ConnectionForm
    view_permission = P.SESSION_VIEW
    change_permission = P.USER_CHANGE
    group = Group.PEOPLE
    changed = ("close",)
    list_display = (
        "user",
        "opened_at",
        "seen_at",
        "address",
        "topics",
        "messages_in",
        "messages_out",
        "bytes_out",
        "coalesced",
        "lag_bytes",
        "errors",
    )
    ordering = ("-opened_at", "-id")
    list_select_related = ("user",)
    search_fields = ("^user__username", "=address")
    search_help_text = _("User name or address")

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Ask the process that has the socket to close it."""
        connections.close_connection(row=record, **acting)
        return record


site.register(LiveConnection, LiveConnectionAdmin)
for _model in (UsedTicket, PendingUpdate):
    site.register(_model, derived(_model, P.SESSION_VIEW, Group.PEOPLE, base=ScopedModelAdmin))
