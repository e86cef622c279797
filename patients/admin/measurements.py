"""The desk's lists of vital signs, laboratory results, diaries and treatment."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import BY_SUBJECT, PLACES, SUBJECT, SUBJECT_OR_DATE
from patients.selectors import outside_consent
from patients.vocabulary import DiaryState, ReadingStatus
from portal.access.permissions import Permission as P
from portal.desk.base import ClinicalAdmin
from portal.desk.columns import NOTHING, badge, clinical_date, figure, plain, state, told
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.site import site


class OpenReports:
    """Rows of reports that are not sealed: outside consent means hidden until somebody decides."""

    report_column = "report_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what came from a sealed report."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        sealed = outside_consent().values("pk")
        return rows.exclude(**{f"{self.report_column}__in": sealed})


class VitalSignAdmin(OpenReports, ClinicalAdmin):
    """Vital signs, newest first by earliest measured time."""

    view_permission = P.VITAL_SIGN_VIEW
    is_everyday = True
    group = Group.MEASUREMENTS
    ordering = ("-measured_earliest", "-id")
    list_display = (
        "patient",
        "measured_as_given",
        "code",
        "value_figure",
        "unit_text",
        "given_text",
        "position",
        "status_mark",
        "flags_mark",
        "site",
        "trial",
    )
    list_filter = ("code", "status", "position", "originator", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT_OR_DATE
    searched_date = "measured"
    measured_as_given = clinical_date("measured", title=_("measured"))
    status_mark = state(
        "status",
        {
            ReadingStatus.PRELIMINARY.value: "notice",
            ReadingStatus.ARTIFACT.value: "blocked",
            ReadingStatus.ENTERED_IN_ERROR.value: "danger",
        },
    )

    @admin.display(description=_("value"), ordering="value")
    def value_figure(self, row: Any) -> Any:
        """The canonical value to two decimals, or the code; a dash when it was not done."""
        if row.value is not None:
            shown = plain(row.value.quantize(Decimal("0.01")))
            return format_html(
                '<span title="{}">{}{}</span>', plain(row.value), row.comparator, shown
            )
        return row.coded_value or row.original_value or NOTHING

    @admin.display(description=_("as given"))
    def given_text(self, row: Any) -> str:
        """The value as given, where converting it changed the number."""
        if not row.original_value or row.original_value == plain(row.value):
            return NOTHING
        return f"{row.original_value} {row.original_unit}"

    @admin.display(description=_("value"))
    def value_exact(self, row: Any) -> Any:
        """The canonical value, unrounded."""
        return NOTHING if row.value is None else plain(row.value)

    @admin.display(description=_("unit"), ordering="unit")
    def unit_text(self, row: Any) -> str:
        """The canonical unit, or why there is no value."""
        return row.unit or row.not_done_reason or NOTHING

    @admin.display(description=_("flags"))
    def flags_mark(self, row: Any) -> Any:
        """What intake found odd about the reading."""
        return badge(told(row.flags), "caution") if row.flags else NOTHING


class EproReportAdmin(OpenReports, ClinicalAdmin):
    """Diary reports as received."""

    report_column = "id"
    view_permission = P.EPRO_REPORT_VIEW
    is_everyday = True
    group = Group.MEASUREMENTS
    ordering = ("-created_at", "-id")
    date_hierarchy = "authored_at"
    list_display = (
        "patient",
        "authored_at",
        "received_at",
        "instrument_code",
        "instrument_version",
        "originator",
        "disposition",
        "site",
        "trial",
    )
    list_filter = ("disposition", "originator", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT


class DiaryAnswerAdmin(OpenReports, ClinicalAdmin):
    """Answers of diary reports, item by item."""

    view_permission = P.EPRO_REPORT_VIEW
    group = Group.MEASUREMENTS
    list_display = ("patient", "report", "item", "value", "missing_reason", "site", "trial")
    list_filter = ("missing_reason", *PLACES)
    list_select_related = ("patient", "report", "site", "trial")
    search_fields = (*BY_SUBJECT, "=item")


class DiaryAssignmentAdmin(ClinicalAdmin):
    """Diary days: what was due when, and what became of it."""

    view_permission = P.EPRO_REPORT_VIEW
    is_everyday = True
    group = Group.MEASUREMENTS
    date_hierarchy = "local_day"
    list_display = (
        "patient",
        "local_day",
        "instrument",
        "opens_at",
        "closes_at",
        "time_zone",
        "state_mark",
        "missed_reason",
        "site",
    )
    list_filter = ("state", *PLACES)
    list_select_related = ("patient", "instrument", "site")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT
    state_mark = state(
        "state",
        {
            DiaryState.COMPLETED.value: "good",
            DiaryState.LATE.value: "caution",
            DiaryState.MISSED.value: "danger",
        },
    )


class LabResultAdmin(ClinicalAdmin):
    """Laboratory results, each with the reference reported with it."""

    view_permission = P.LAB_RESULT_VIEW
    is_everyday = True
    group = Group.MEASUREMENTS
    list_display = (
        "patient",
        "collected_as_given",
        "test",
        "result_figure",
        "original_unit",
        "reference_text",
        "indicator_mark",
        "status",
        "site",
        "trial",
    )
    list_filter = ("status", "laboratory", "clinically_significant", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = (*BY_SUBJECT, "=test_code")
    search_help_text = _("Subject number, test code, or a date such as 2013-05")
    searched_date = "collected"
    collected_as_given = clinical_date("collected", title=_("collected"))
    resulted_as_given = clinical_date("resulted", title=_("resulted"), ordering="resulted")
    value_figure = figure("value", title=_("canonical value"))

    @admin.display(description=_("result"), ordering="value")
    def result_figure(self, row: Any) -> str:
        """The result as given, or why there is none."""
        return row.original_value or row.not_done_reason or NOTHING

    @admin.display(description=_("reference"))
    def reference_text(self, row: Any) -> str:
        """The reference range as reported with this result."""
        if not (row.reference_low or row.reference_high):
            return NOTHING
        return f"{row.reference_low or '…'} – {row.reference_high or '…'}"

    @admin.display(description=_("against it"), ordering="reference_indicator")
    def indicator_mark(self, row: Any) -> Any:
        """Where the result lies against its reference."""
        word = row.reference_indicator
        if not word:
            return NOTHING
        return word.capitalize() if word.upper() == "NORMAL" else badge(word, "caution")


site.register(models.VitalSign, VitalSignAdmin)
site.register(models.LabResult, LabResultAdmin)
site.register(models.EproReport, EproReportAdmin)
site.register(models.DiaryAnswer, DiaryAnswerAdmin)
site.register(models.DiaryAssignment, DiaryAssignmentAdmin)
site.register(
    models.QuestionnaireResult,
    derived(models.QuestionnaireResult, P.EPRO_REPORT_VIEW, Group.MEASUREMENTS),
)
site.register(
    models.Exposure, derived(models.Exposure, P.EXPOSURE_VIEW, Group.MEASUREMENTS, is_everyday=True)
)
site.register(
    models.TreatmentState, derived(models.TreatmentState, P.EXPOSURE_VIEW, Group.MEASUREMENTS)
)
site.register(
    models.Medication,
    derived(models.Medication, P.MEDICATION_VIEW, Group.MEASUREMENTS, is_everyday=True),
)
site.register(
    models.VitalRollup,
    derived(models.VitalRollup, P.VITAL_SIGN_VIEW, Group.MEASUREMENTS, ordering=("-at", "-id")),
)
site.register(
    models.UploadGate,
    derived(models.UploadGate, P.PATIENT_VIEW, Group.MEASUREMENTS, ordering=("patient",)),
)
site.register(
    models.VitalSample,
    derived(models.VitalSample, P.VITAL_SIGN_VIEW, Group.MEASUREMENTS, ordering=("-id",)),
)
for _model in (models.Device, models.DeviceAssignment):
    site.register(_model, derived(_model, P.DEVICE_VIEW, Group.MEASUREMENTS))
