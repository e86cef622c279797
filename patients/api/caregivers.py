"""Who cares for one patient and answers in their place (domain.md 3)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients.api.entrusting import EntrustedViewSet, ending, entrusting, person_named
from patients.models import Caregiver
from patients.services.caregivers import assign_caregiver, end_caregiver
from patients.vocabulary import Relation
from portal.access.permissions import Permission
from portal.api.fields import StrictUUIDField, UntilField
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer
from portal.api.serializers import RecordSerializer, ReferenceField
from portal.api.views import ScopedViewSet
from portal.api.writes import Call, Write, WriteMixin


class CaregiverSerializer(RecordSerializer):
    """A person who cares for the patient."""

    patient = ReferenceField("patient")
    person = ReferenceField("person")
    relation = serializers.ChoiceField(choices=Relation.choices)
    from_at = serializers.DateTimeField()
    to_at = serializers.DateTimeField(allow_null=True)
    granted_by = ReferenceField("granted_by")


class AssignCaregiverSerializer(ReasonedSerializer):
    """Who cares for the patient; without `person` an account is made for them."""

    person = StrictUUIDField(required=False)
    relation = serializers.ChoiceField(choices=Relation.choices)
    from_at = UntilField(required=False)
    to_at = UntilField(required=False, allow_null=True)


def assign(call: Call) -> Caregiver:
    """Let somebody care for the patient above."""
    return assign_caregiver(
        patient=call.record,
        person=person_named(call) if "person" in call.body else None,
        relation=Relation(call.body["relation"]),
        from_at=call.body.get("from_at"),
        to_at=call.body.get("to_at"),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def end(call: Call) -> Caregiver:
    """End it now."""
    return end_caregiver(caregiver=call.record, by=call.by, at=call.at, reason=call.reason)


class PatientCaregiverViewSet(EntrustedViewSet):
    """patients/{id}/caregivers/."""

    queryset = Caregiver.objects.all()
    serializer_class = CaregiverSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.ASSIGNMENT_VIEW,
        "create": Permission.PATIENT_ENTRUST,
    }
    writes: ClassVar[Mapping[str, Write]] = entrusting(AssignCaregiverSerializer, assign)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let somebody answer for the patient; it takes effect on their next request."""
        return self.write()


class CaregiverViewSet(WriteMixin, ScopedViewSet):
    """caregivers/{id}/end/."""

    queryset = Caregiver.objects.all()
    serializer_class = CaregiverSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"end": Permission.PATIENT_ENTRUST}
    writes: ClassVar[Mapping[str, Write]] = ending(end)

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End it now; the person loses the patient on their next request."""
        return self.write()
