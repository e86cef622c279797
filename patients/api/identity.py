"""Who a patient is: to those who treat them alone, and every look recorded (PV-03).

Only reading opens what is sealed: the answer to a write tells which parts stand and no value, so
that none is kept for whoever repeats the request.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from patients.models import Identity, Patient
from patients.services.identities import (
    amend_identity,
    erase_identity,
    identity_of,
    read_identity,
    record_identity,
)
from patients.services.personal_data import COLUMNS, PersonalData, stated_in
from patients.vocabulary import ErasedPart, ErasureBasis, IdentityPurpose
from portal.access.permissions import Permission
from portal.api.etags import etag_of
from portal.api.fields import PartialDateTimeField, PlausibleDateField, StrictCharField
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer
from portal.api.views import NestedMixin, ScopedViewSet, person
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core import clock
from portal.core.errors import NotFound

_LONGEST = 1000


class IdentitySerializer(serializers.Serializer[Any]):
    """The person behind a patient; null or empty where nothing is recorded."""

    is_recorded = serializers.BooleanField()
    version = serializers.IntegerField(min_value=1, allow_null=True)
    name = serializers.CharField(allow_null=True)
    birth_date = PartialDateTimeField(allow_null=True)
    contact = serializers.DictField(child=serializers.CharField())
    identifiers = serializers.DictField(child=serializers.CharField())
    contact_erased_at = serializers.DateTimeField(allow_null=True)
    erased_at = serializers.DateTimeField(allow_null=True)


class IdentityReceiptSerializer(serializers.Serializer[Any]):
    """What is recorded of an identity after a write: which parts, and no value."""

    is_recorded = serializers.BooleanField()
    version = serializers.IntegerField(min_value=1)
    stated = serializers.ListField(child=serializers.ChoiceField(choices=COLUMNS))
    contact_erased_at = serializers.DateTimeField(allow_null=True)
    erased_at = serializers.DateTimeField(allow_null=True)


class WriteIdentitySerializer(ReasonedSerializer):
    """Parts of an identity: `contact` by kind, `identifiers` by kind or issuer."""

    name = StrictCharField(max_length=_LONGEST, required=False, allow_null=True)
    birth_date = PlausibleDateField(required=False, allow_null=True)
    contact = serializers.DictField(child=StrictCharField(max_length=_LONGEST), required=False)
    identifiers = serializers.DictField(child=StrictCharField(max_length=_LONGEST), required=False)


class EraseIdentitySerializer(ReasonedSerializer):
    """What is erased, for ever, and on which legal basis."""

    part = serializers.ChoiceField(choices=ErasedPart.choices)
    basis = serializers.ChoiceField(choices=ErasureBasis.choices)


def record(call: Call) -> Identity:
    """Record who the patient above is."""
    return record_identity(
        patient=call.record, data=PersonalData(**call.body), by=call.by, at=call.at,
        reason=call.reason,
    )  # fmt: skip


def amend(call: Call) -> Identity:
    """Change the named parts of who the patient above is."""
    return amend_identity(
        patient=call.above, changes=call.body, by=call.by, at=call.at, reason=call.reason
    )


def erase(call: Call) -> Identity:
    """Erase the contact data or the whole identity of the patient above."""
    return erase_identity(
        patient=call.above,
        part=ErasedPart(call.body["part"]),
        basis=ErasureBasis(call.body["basis"]),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


class IdentityViewSet(WriteMixin, NestedMixin, ScopedViewSet):
    """patients/{id}/identity/."""

    queryset = Identity.objects.all()
    serializer_class = IdentitySerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "retrieve": Permission.IDENTITY_VIEW,
        "create": Permission.PATIENT_CHANGE,
        "partial_update": Permission.PATIENT_CHANGE,
        "erase": Permission.IDENTITY_ERASE,
    }
    parameters: ClassVar[frozenset[str]] = frozenset({"purpose"})

    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=WriteIdentitySerializer,
            perform=record,
            on=On.ABOVE,
            status=201,
            answer=IdentityReceiptSerializer,
        ),
        "partial_update": Write(
            form=WriteIdentitySerializer,
            perform=amend,
            needs_reason=True,
            answer=IdentityReceiptSerializer,
        ),
        "erase": Write(
            form=EraseIdentitySerializer,
            perform=erase,
            needs_reason=True,
            answer=IdentityReceiptSerializer,
        ),
    }

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
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return who the patient is, and record who looked; 503 while the key is missing."""
        purpose = _purpose(request.query_params.get("purpose") or IdentityPurpose.CARE.value)
        identity = identity_of(self.above)
        if identity is None:
            return Response(_told(PersonalData(), None))
        data = read_identity(
            patient=self.above, by=person(request), at=clock.now(), purpose=purpose
        )
        return Response(_told(data, identity), headers={"ETag": etag_of(identity)})

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Record who the patient is; the institution of the patient's site holds it."""
        return self.write()

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the parts that are named; the others stay. The old stay in history, sealed."""
        return self.write()

    def erase(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Erase contact data or everything, from history too; the trial's data stay."""
        return self.write()

    def told(self, made: Any, write: Write) -> Any:
        """Return which parts stand; no value leaves with the answer to a write."""
        return {
            "is_recorded": True,
            "version": made.version,
            "stated": stated_in(made),
            "contact_erased_at": made.contact_erased_at,
            "erased_at": made.erased_at,
        }

    def _record(self, write: Write) -> Any:
        if write.on is On.ABOVE:
            return self.above
        identity = identity_of(self.above)
        if identity is None:
            raise NotFound()
        return identity


def _told(data: PersonalData, identity: Identity | None) -> dict[str, Any]:
    return {
        "is_recorded": identity is not None,
        "version": identity and identity.version,
        "name": data.name,
        "birth_date": data.birth_date.text if data.birth_date else None,
        "contact": dict(data.contact),
        "identifiers": dict(data.identifiers),
        "contact_erased_at": identity and identity.contact_erased_at,
        "erased_at": identity and identity.erased_at,
    }


def _purpose(text: str) -> IdentityPurpose:
    try:
        return IdentityPurpose(text)
    except ValueError:
        told = {"purpose": [_("Say one of the purposes of the document.")]}
        raise ValidationError(told, code="unknown_purpose") from None
