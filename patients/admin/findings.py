"""The desk's lists of findings, sources and protected facts."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, When
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import PLACES, SUBJECT
from patients.vocabulary import FindingSeverity, FindingState
from portal.access.permissions import Permission as P
from portal.access.roles import ROLES
from portal.desk.base import ClinicalAdmin, ScopedModelAdmin
from portal.desk.columns import figure, state
from portal.desk.derived import derived
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.protected import ProtectedAdmin
from portal.desk.site import site

_SEVERITIES = {
    FindingSeverity.SAFETY.value: "danger",
    FindingSeverity.MAJOR.value: "caution",
    FindingSeverity.MINOR.value: "notice",
}
_STATES = {FindingState.OPEN.value: "caution", FindingState.RESOLVED.value: "good"}


class FindingColumns:
    """How a finding is told: safety first, then by weight, the newest first."""

    ordering = (
        Case(*(When(severity=word, then=rank) for rank, word in enumerate(FindingSeverity.values))),
        "-created_at",
        "-id",
    )
    list_display_links = ("message",)
    list_display = (
        "severity_mark",
        "message",
        "patient",
        "rule",
        "state_mark",
        "occurrences_figure",
        "owner_role_text",
        "site",
        "trial",
        "created_at",
    )
    list_filter = ("severity", "state", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = ("^rule", "^patient__subject_number")
    search_help_text = _("Rule or subject number")
    hidden = ("resource",)
    severity_mark = state("severity", _SEVERITIES)
    state_mark = state("state", _STATES)
    occurrences_figure = figure("occurrences", title=_("times"))

    @admin.display(description=_("for"), ordering="owner_role")
    def owner_role_text(self, row: Any) -> Any:
        """Who is to act, by the name of the role."""
        return ROLES[row.owner_role].name if row.owner_role in ROLES else row.owner_role


class DataFindingAdmin(FindingColumns, ClinicalAdmin):
    """Findings that everybody who sees the record may read."""

    view_permission = P.DATA_FINDING_VIEW
    is_everyday = True
    group = Group.FINDINGS


class ProtectedFindingAdmin(FindingColumns, ProtectedAdmin):
    """Findings that would unblind."""


class SourceFileAdmin(ScopedModelAdmin):
    """Files of imports."""

    view_permission = P.SOURCE_RECORD_VIEW
    group = Group.FINDINGS
    list_display = ("name", "dataset", "label", "row_count", "trial", "created_at")
    list_filter = (scoped("trial"),)
    list_select_related = ("trial",)
    search_fields = ("^name", "=dataset")
    choice_ordering = ("name",)


class SourceRecordAdmin(ScopedModelAdmin):
    """Rows of files, as they were."""

    view_permission = P.SOURCE_RECORD_VIEW
    group = Group.FINDINGS
    ordering = ("-id",)
    list_display = ("file", "row_number", "patient", "site", "trial")
    list_filter = (scoped("file"), *PLACES)
    list_select_related = ("file", "patient", "site", "trial")
    search_fields = ("^patient__subject_number",)
    search_help_text = SUBJECT


site.register(models.DataFinding, DataFindingAdmin)
site.register(models.SourceFile, SourceFileAdmin)
site.register(models.SourceRecord, SourceRecordAdmin)
site.register(models.DataPoint, derived(models.DataPoint, P.DATA_FINDING_VIEW, Group.FINDINGS))
site.register(models.Coding, derived(models.Coding, P.ADVERSE_EVENT_VIEW, Group.FINDINGS))
site.register(models.ProtectedFinding, ProtectedFindingAdmin)
for _model in (
    models.Allocation,
    models.ExposureGiven,
    models.SubjectElement,
    models.ProtectedSourceRecord,
):
    site.register(_model, derived(_model, P.ALLOCATION_VIEW, Group.UNBLINDED, base=ProtectedAdmin))
