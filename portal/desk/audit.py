"""The desk's lists of audit entries and of the seals over the trail."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.access.scoping import scope
from portal.access.trail import visible_entries
from portal.accounts.models import User
from portal.audit.models import AuditEntry, Seal, SealLayout, SealPart
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import NOTHING, record_link
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.site import site


class AuditEntryAdmin(ScopedModelAdmin):
    """Acts that changed no row, within the reader's trials and sites."""

    view_permission = P.AUDIT_ENTRY_VIEW
    group = Group.AUDIT
    is_everyday = True
    linked_lookups = ()
    ordering = ("-id",)
    date_hierarchy = "at"
    list_display = (
        "at",
        "acted_by_text",
        "acted_role",
        "action",
        "resource",
        "record_id_mark",
        "acted_source",
        "acted_organization",
    )
    list_filter = ("action", "acted_source")
    search_fields = ("=action", "=resource", "^acted_organization")

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        self.record_id_mark = record_link(self)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the reader may read audit entries anywhere; rows are chosen by scope."""
        user: Any = request.user
        return not scope(user, self.view_permission).is_empty

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the entries of the reader's trials and sites, with who by name."""
        user: Any = request.user
        people = User.objects.filter(pk=OuterRef("acted_by")).values("username")[:1]
        return visible_entries(user).annotate(acted_name=Subquery(people)).order_by("-id")

    @admin.display(description=_("who"), ordering="acted_name")
    def acted_by_text(self, row: Any) -> str:
        """Who acted, by user name."""
        return row.acted_name or NOTHING


class SealAdmin(ScopedModelAdmin):
    """Seals: each covers all rows since the one before and its digest."""

    view_permission = P.AUDIT_ENTRY_VIEW
    group = Group.AUDIT
    ordering = ("-number",)
    list_display = ("number", "sealed_at", "upto_id", "row_count", "total_count", "digest_text")

    @admin.display(description=_("digest (SHA-256)"))
    def digest_text(self, row: Any) -> str:
        """The seal's own digest, in hexadecimal."""
        return bytes(row.hash).hex()


site.register(AuditEntry, AuditEntryAdmin)
site.register(Seal, SealAdmin)
for _model in (SealPart, SealLayout):
    site.register(_model, derived(_model, P.AUDIT_ENTRY_VIEW, Group.AUDIT, base=ScopedModelAdmin))
