"""Shares of one patient: shown to a colleague until a date (domain.md 3)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients.api.entrusting import EntrustedViewSet, ending, entrusting, person_named
from patients.models import SHAREABLE, PatientShare
from patients.services.sharing import end_share, share_patient
from portal.access.permissions import Permission
from portal.api.fields import StrictUUIDField, UntilField
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer
from portal.api.serializers import RecordSerializer, ReferenceField
from portal.api.views import ScopedViewSet
from portal.api.writes import Call, Write, WriteMixin


class ShareSerializer(RecordSerializer):
    """A patient shown to a person who has no role at their site."""

    patient = ReferenceField("patient")
    person = ReferenceField("person")
    permissions = serializers.ListField(child=serializers.CharField())
    from_at = serializers.DateTimeField()
    to_at = serializers.DateTimeField()
    granted_by = ReferenceField("granted_by")
    reason = serializers.CharField()


class SharePatientSerializer(ReasonedSerializer):
    """With whom a patient is shared, what of them, and until when."""

    person = StrictUUIDField()
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=SHAREABLE), max_length=len(SHAREABLE)
    )
    to_at = UntilField()


def share(call: Call) -> PatientShare:
    """Share the patient above."""
    return share_patient(
        patient=call.record,
        person=person_named(call),
        permissions=[Permission(name) for name in call.body["permissions"]],
        to_at=call.body["to_at"],
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def end(call: Call) -> PatientShare:
    """End a share now."""
    return end_share(share=call.record, by=call.by, at=call.at, reason=call.reason)


class PatientShareViewSet(EntrustedViewSet):
    """patients/{id}/shares/."""

    queryset = PatientShare.objects.all()
    serializer_class = ShareSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.ASSIGNMENT_VIEW,
        "create": Permission.PATIENT_SHARE,
    }
    writes: ClassVar[Mapping[str, Write]] = entrusting(SharePatientSerializer, share)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show the patient to a colleague until a date; it takes effect on their next request."""
        return self.write()


class ShareViewSet(WriteMixin, ScopedViewSet):
    """shares/{id}/end/."""

    queryset = PatientShare.objects.all()
    serializer_class = ShareSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"end": Permission.PATIENT_SHARE}
    writes: ClassVar[Mapping[str, Write]] = ending(end)

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End a share now; the person loses what it showed on their next request."""
        return self.write()
