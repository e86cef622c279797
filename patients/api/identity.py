"""Who a patient is: to those who treat them alone, and every look recorded (PV-03)."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from patients.models import Patient
from patients.services.identities import read_identity
from patients.services.personal_data import PersonalData
from patients.vocabulary import IdentityPurpose
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.api.fields import PartialDateTimeField
from portal.api.permissions import Requirement
from portal.api.views import PortalView, find, person
from portal.core import clock
from portal.core.errors import NotFound


class IdentitySerializer(serializers.Serializer[Any]):
    """The person behind a patient; null or empty where nothing is recorded."""

    is_recorded = serializers.BooleanField()
    name = serializers.CharField(allow_null=True)
    birth_date = PartialDateTimeField(allow_null=True)
    contact = serializers.DictField(child=serializers.CharField())
    identifiers = serializers.DictField(child=serializers.CharField())


class IdentityView(PortalView):
    """GET patients/{id}/identity/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Permission.IDENTITY_VIEW}
    parameters: ClassVar[frozenset[str]] = frozenset({"purpose"})

    @extend_schema(
        operation_id="patient_identity",
        responses=IdentitySerializer,
        parameters=[
            OpenApiParameter(
                "purpose",
                str,
                enum=IdentityPurpose.values,
                description="Why you look: it is recorded. Care where nothing is said.",
            )
        ],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Return who the patient is, and record who looked; 503 while the key is missing."""
        purpose = _purpose(request.query_params.get("purpose") or IdentityPurpose.CARE.value)
        user, patient = person(request), find(Patient.objects.all(), pk)
        try:
            data = read_identity(patient=patient, by=user, at=clock.now(), purpose=purpose)
        except NotFound:
            if not may(user, Permission.IDENTITY_VIEW, patient):
                raise
            return Response(_told(PersonalData(), is_recorded=False))
        return Response(_told(data, is_recorded=True))


def _told(data: PersonalData, *, is_recorded: bool) -> dict[str, Any]:
    return {
        "is_recorded": is_recorded,
        "name": data.name,
        "birth_date": data.birth_date.text if data.birth_date else None,
        "contact": dict(data.contact),
        "identifiers": dict(data.identifiers),
    }


def _purpose(text: str) -> IdentityPurpose:
    try:
        return IdentityPurpose(text)
    except ValueError:
        told = {"purpose": [_("Say one of the purposes of the document.")]}
        raise ValidationError(told, code="unknown_purpose") from None
