"""Reports at the desk: what waits, what runs, what failed and why; canceling."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import state
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.documents.kinds import UnknownKind, find_kind
from portal.documents.models import Report, ReportLease, ReportProgress, ReportUpload
from portal.documents.selectors import with_progress
from portal.documents.services.reports import cancel_report


class ReportForm(ReasonForm):
    """Cancel one report."""

    cancel = forms.BooleanField(
        label=_("Cancel this report"),
        help_text=_("One that waits ends at once, one that runs before its next step."),
    )


class ReportAdmin(SetupAdmin):
    """Reports of everybody, the newest first; their files are their owners' alone."""

    form = ReportForm
    view_permission = P.REPORT_VIEW
    change_permission = P.REPORT_CANCEL
    changed = ("cancel",)
    group = Group.AUDIT
    linked_lookups = ()
    hidden = ("held", "extension", "content_type")
    list_display = (
        "title",
        "requested_by",
        "state_mark",
        "percent_figure",
        "step_words",
        "created_at",
        "finished_at",
        "failure",
    )
    list_filter = ("state",)
    list_select_related = ("requested_by",)
    search_fields = ("^requested_by__username", "=kind")
    search_help_text = _("User name or kind")
    state_mark = state(
        "state",
        {"failed": "danger", "canceled": "caution", "running": "notice", "finished": "good"},
        title=_("state"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the reports with how far they are."""
        return with_progress(super().get_queryset(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is nothing to cancel about what has ended."""
        if obj is not None and not obj.is_open:
            return False
        return super().has_change_permission(request, obj)

    @admin.display(description=_("report"), ordering="kind")
    def title(self, row: Any) -> str:
        """What was asked for, in words."""
        try:
            return str(find_kind(row.kind).title)
        except UnknownKind:
            return str(row.kind)

    @admin.display(description=_("percent"))
    def percent_figure(self, row: Any) -> int | None:
        """How much is done."""
        return row.percent

    @admin.display(description=_("step"))
    def step_words(self, row: Any) -> str | None:
        """What is being done, in words."""
        try:
            return str(find_kind(row.kind).steps[row.step])
        except (UnknownKind, KeyError):
            return row.step or None

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Cancel it."""
        return cancel_report(report=record, **acting)


site.register(Report, ReportAdmin)
for _model in (ReportUpload, ReportProgress, ReportLease):
    site.register(_model, derived(_model, P.REPORT_VIEW, Group.AUDIT, base=ScopedModelAdmin))
