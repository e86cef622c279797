"""The desk's list of deliveries, and the decisions about those that died."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.core import clock
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import state
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.outbox import decisions
from portal.outbox.models import OutboxDelivery, RelayHeartbeat, State

_AGES = {"60": _("a minute"), "3600": _("an hour"), "86400": _("a day")}
_DECISIONS = {"retry": decisions.retry, "skip": decisions.skip}


class AgeFilter(admin.SimpleListFilter):
    """Deliveries older than so many seconds."""

    title = _("older than")
    parameter_name = "older"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer a minute, an hour, a day."""
        return list(_AGES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is older."""
        if self.value() not in _AGES:
            return queryset
        return queryset.filter(
            created_at__lt=clock.now() - timedelta(seconds=int(str(self.value())))
        )


class DeliveryForm(ReasonForm):
    """What to do with a delivery, and why."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("", "—"), ("retry", _("Run it again")), ("skip", _("Skip it for ever"))],
        required=False,
    )


class OutboxDeliveryAdmin(SetupAdmin):
    """Deliveries: what waits, what died, and the way on."""

    form = DeliveryForm
    view_permission = P.OUTBOX_DELIVERY_VIEW
    change_permission = P.OUTBOX_DELIVERY_CHANGE
    changed = ("decision",)
    group = Group.AUDIT
    ordering = ("-id",)
    linked_lookups = ()
    codes_as_stored = ("kind", "resource")
    list_display = (
        "id",
        "kind",
        "handler",
        "lane",
        "state_mark",
        "attempts",
        "due_at",
        "created_at",
        "last_error",
    )
    list_filter = ("state", "lane", AgeFilter)
    search_fields = ("=kind", "=resource")
    search_help_text = _("Kind or resource")
    state_mark = state("state", {"dead": "danger", "skipped": "caution"}, title=_("state"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is nothing to decide about what is done or skipped."""
        if obj is not None and obj.state not in (State.DEAD, State.PENDING):
            return False
        return super().has_change_permission(request, obj)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Call the decision's service."""
        decide = _DECISIONS.get(data["decision"])
        return decide(record.pk, **acting) if decide else record


site.register(OutboxDelivery, OutboxDeliveryAdmin)
site.register(
    RelayHeartbeat,
    derived(RelayHeartbeat, P.OUTBOX_DELIVERY_VIEW, Group.AUDIT, base=ScopedModelAdmin,
            list_display=("seen_at", "mode")),
)  # fmt: skip
