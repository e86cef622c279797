"""Reading patients, their vital signs, and findings."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from patients import selectors
from patients.api import filters, serializers
from patients.api.writes import WRITES
from patients.models import DataFinding, Patient, QuarantinedSubmission
from patients.services import processing
from portal.access.permissions import Permission
from portal.access.unblinded import unblinded
from portal.api.pagination import Ordering
from portal.api.permissions import Requirement
from portal.api.reasons import OnlyReasonSerializer
from portal.api.views import ListMixin, NestedMixin, RetrieveMixin, ScopedViewSet, person
from portal.api.writes import Call, Write, WriteMixin
from portal.audit.record import Action, record
from portal.core import clock

PATIENT_ACTIONS: Mapping[str, Permission] = {
    "list_vitals": Permission.VITAL_SIGN_VIEW,
    "list_adverse_events": Permission.ADVERSE_EVENT_VIEW,
    "list_findings": Permission.DATA_FINDING_VIEW,
    "monitor_vitals": Permission.VITAL_SIGN_MONITOR,
}
BY_MEASUREMENT: Mapping[str, Ordering] = {
    "-measured_at": Ordering("measured_earliest", nullable=True),
    "measured_at": Ordering("measured_earliest", nullable=True, descending=False),
}


class PatientViewSet(ListMixin, RetrieveMixin, ScopedViewSet):
    """patients/."""

    queryset = Patient.objects.all()
    serializer_class = serializers.PatientSerializer
    detail_serializer_class = serializers.PatientDetailSerializer
    filterset_class = filters.PatientFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.PATIENT_VIEW,
        "retrieve": Permission.PATIENT_VIEW,
    }
    actions = PATIENT_ACTIONS


class _VitalSigns(ListMixin, ScopedViewSet):
    queryset = selectors.vital_signs()
    serializer_class = serializers.VitalSignSerializer
    orderings = BY_MEASUREMENT
    default_ordering = "-measured_at"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.VITAL_SIGN_VIEW}


class VitalSignViewSet(WriteMixin, RetrieveMixin, _VitalSigns):
    """vitals/."""

    detail_serializer_class = serializers.VitalSignDetailSerializer
    filterset_class = filters.VitalSignFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.VITAL_SIGN_VIEW,
        "retrieve": Permission.VITAL_SIGN_VIEW,
        "create": Permission.VITAL_SIGN_RECORD,
        "partial_update": Permission.VITAL_SIGN_RECORD,
    }
    writes = WRITES
    actions: ClassVar[Mapping[str, Permission]] = {"view_history": Permission.AUDIT_ENTRY_VIEW}

    def create(self, request: Request) -> Response:
        """Record one reading. Outside physical limits it is kept, flagged and found."""
        return self.write()

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Correct a reading, or withdraw it as entered in error."""
        return self.write()


class PatientVitalSignViewSet(NestedMixin, _VitalSigns):
    """patients/{id}/vitals/."""

    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    filterset_class = filters.VitalSignOfPatientFilter


class PatientReportViewSet(NestedMixin, ListMixin, ScopedViewSet):
    """patients/{id}/epro-reports/."""

    queryset = selectors.epro_reports()
    serializer_class = serializers.EproReportRecordSerializer
    filterset_class = filters.EproReportFilter
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.EPRO_REPORT_VIEW}


def _run_again(call: Call) -> Any:
    processing.run_again(upload=call.record, by=call.by, at=call.at, reason=call.reason)
    return selectors.epro_reports().get(pk=call.record.pk)


class ReportViewSet(WriteMixin, ScopedViewSet):
    """epro-reports/{id}/run-again/."""

    queryset = selectors.epro_reports()
    serializer_class = serializers.EproReportRecordSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "run_again": Permission.EPRO_REPORT_RUN_AGAIN
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "run_again": Write(
            form=OnlyReasonSerializer,
            perform=_run_again,
            status=202,
            needs_reason=True,
            seen_by=Permission.EPRO_REPORT_VIEW,
        )
    }

    def run_again(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hand a report to the pipeline once more, after a repair. What is as before stays."""
        return self.write()


class QuarantineViewSet(ListMixin, ScopedViewSet):
    """quarantined-submissions/: what was sent and no record was made of."""

    queryset = QuarantinedSubmission.objects.all()
    serializer_class = serializers.QuarantinedSubmissionSerializer
    filterset_class = filters.QuarantineFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.QUARANTINED_SUBMISSION_VIEW
    }


class FindingViewSet(ListMixin, ScopedViewSet):
    """findings/: to the unblinded also those that would unblind."""

    queryset = DataFinding.objects.all()
    serializer_class = serializers.FindingSerializer
    filterset_class = filters.FindingFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.DATA_FINDING_VIEW}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of the findings in scope."""
        parts = selectors.findings_for(person(request))
        is_unblinded = len(parts) > 1
        if is_unblinded:
            record(
                Action.UNBLINDED, by=person(request), at=clock.now(), resource="protected_finding"
            )
        with unblinded() if is_unblinded else nullcontext():
            return self.paged(*parts)
