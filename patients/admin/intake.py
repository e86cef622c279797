"""The desk's lists of uploads: readings as sent, how far they came, what was set aside."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import BY_SUBJECT, PLACES, SUBJECT
from patients.admin.measurements import OpenReports
from patients.services import processing
from patients.vocabulary import ReportStatus
from portal.access.permissions import Permission as P
from portal.desk.base import ClinicalAdmin
from portal.desk.columns import state
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
from portal.desk.site import site


class VitalsUploadAdmin(ClinicalAdmin):
    """Uploads of readings as received."""

    view_permission = P.VITAL_SIGN_VIEW
    group = Group.MEASUREMENTS
    list_display = ("patient", "authored_at", "received_at", "disposition", "site", "trial")
    list_filter = ("disposition", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT


class RunAgainForm(ReasonForm):
    """Whether to hand an upload to the pipeline once more, and why."""

    run_again = forms.BooleanField(
        label=_("Run it again"),
        required=False,
        help_text=_("After a repair. What is as before changes nothing."),
    )


class ReportProcessingAdmin(OpenReports, SetupAdmin):
    """How far the pipeline came with each upload, and the way on for those that failed."""

    form = RunAgainForm
    view_permission = P.EPRO_REPORT_VIEW
    change_permission = P.EPRO_REPORT_RUN_AGAIN
    changed = ("run_again",)
    group = Group.MEASUREMENTS
    list_display = (
        "patient",
        "status_mark",
        "attempts",
        "last_error",
        "processed_at",
        "created_at",
        "site",
        "trial",
    )
    list_filter = ("status", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT
    status_mark = state(
        "status",
        {ReportStatus.PROCESSING.value: "notice", ReportStatus.FAILED.value: "danger"},
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what failed is run again."""
        if obj is not None and obj.status != ReportStatus.FAILED:
            return False
        return super().has_change_permission(request, obj)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Call the service."""
        upload = record.report or record.vitals_upload
        return processing.run_again(upload=upload, **acting)


class QuarantinedSubmissionAdmin(ClinicalAdmin):
    """What was sent and no record was made of."""

    view_permission = P.QUARANTINED_SUBMISSION_VIEW
    is_everyday = True
    group = Group.MEASUREMENTS
    date_hierarchy = "received_at"
    list_display = (
        "received_at",
        "patient",
        "resource",
        "reason",
        "code",
        "submission_id",
        "resolved_at",
        "site",
        "trial",
    )
    list_filter = ("reason", "resource", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = (*BY_SUBJECT, "=submission_id")
    search_help_text = _("Subject number or submission")


site.register(models.VitalsUpload, VitalsUploadAdmin)
site.register(models.ReportProcessing, ReportProcessingAdmin)
site.register(models.QuarantinedSubmission, QuarantinedSubmissionAdmin)
