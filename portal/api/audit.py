"""audit-entries/: acts that changed no row. Changes of a record are its history."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import get_resolver
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.access.trail import resource_of, visible_entries
from portal.accounts.models import User
from portal.api.fields import InstantField
from portal.api.filters import ReferenceFilter
from portal.api.histories import ActorSerializer
from portal.api.pagination import Ordering
from portal.api.permissions import Requirement
from portal.api.views import ScopedViewSet, person
from portal.audit.models import AuditEntry
from portal.audit.record import Action
from portal.core.errors import NotFound
from portal.core.history import Source

# The number of an entry in the order of the trail, written as a UUID of version 8 (RFC 9562).
_VERSION_8 = 8 << 76 | 2 << 62
_NUMBER = (1 << 62) - 1


def id_of(sequence: int) -> UUID:
    """Return the id under which clients know the entry of that number."""
    return UUID(int=_VERSION_8 | sequence)


def sequence_of(entry: UUID) -> int | None:
    """Return the number in an id of ours, None for any other id."""
    sequence = entry.int & _NUMBER
    return sequence if id_of(sequence) == entry else None


class AuditEntrySerializer(serializers.Serializer[Any]):
    """Who did what to which record, when and by which path."""

    id = serializers.UUIDField()
    version = serializers.IntegerField(min_value=1, help_text="1: an entry never changes")
    created_at = serializers.DateTimeField()
    sequence = serializers.IntegerField(help_text="grows with every act and change in the portal")
    action = serializers.ChoiceField(choices=[action.value for action in Action])
    by = ActorSerializer(allow_null=True, help_text="null: nobody we know, a refused sign-in")
    role = serializers.CharField()
    organization = serializers.CharField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["", *(source.value for source in Source)]
    )
    request_id = serializers.CharField()
    resource = serializers.CharField()
    record = serializers.UUIDField(allow_null=True)
    trial = serializers.UUIDField(allow_null=True)
    site = serializers.UUIDField(allow_null=True)
    patient = serializers.UUIDField(allow_null=True)
    detail = serializers.DictField(help_text="codes, ids and counts")


@cache
def known_resources() -> frozenset[str]:
    """Return what an entry can be about: a kind of record, or an address that was refused."""
    addresses = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    return frozenset({resource_of(model) for model in apps.get_models()} | addresses)


class _ResourceFormField(forms.CharField):
    def validate(self, value: str) -> None:
        super().validate(value)
        if value and value not in known_resources():
            raise ValidationError(_("There is no such kind of record."), code="unknown_resource")


@extend_schema_field({"type": "string", "maxLength": 60})
class ResourceFilter(django_filters.Filter):
    """Entries about one kind of record."""

    field_class = _ResourceFormField


class _InstantFormField(forms.Field):
    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return InstantField().to_internal_value(value)
        except serializers.ValidationError as error:
            raise ValidationError([str(part) for part in error.args], code="invalid") from None


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantFilter(django_filters.Filter):
    """Compares instants; the bound needs its offset."""

    field_class = _InstantFormField


class AuditEntryFilter(django_filters.FilterSet):
    """By what was done, to what, by whom, where and when."""

    action = django_filters.ChoiceFilter(choices=[(a.value, a.value) for a in Action])
    resource = ResourceFilter()
    record = ReferenceFilter(field_name="record_id")
    actor = ReferenceFilter(field_name="acted_by")
    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    since = InstantFilter(field_name="at", lookup_expr="gte")
    until = InstantFilter(field_name="at", lookup_expr="lte")


class AuditEntryViewSet(ScopedViewSet):
    """audit-entries/."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filterset_class = AuditEntryFilter
    orderings: ClassVar[Mapping[str, Ordering]] = {
        "-created_at": Ordering("id"),
        "created_at": Ordering("id", descending=False),
    }
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.AUDIT_ENTRY_VIEW,
        "retrieve": Permission.AUDIT_ENTRY_VIEW,
    }

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """Return the entries in the caller's scope."""
        if getattr(self, "swagger_fake_view", False):
            return AuditEntry.objects.none()
        return visible_entries(person(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of the acts in scope, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(entries(page or []))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one act. Raises: NotFound."""
        sequence = sequence_of(self.kwargs["pk"])
        found = list(self.get_queryset().filter(pk=sequence)) if sequence is not None else []
        if not found:
            raise NotFound()
        return Response(entries(found)[0], headers={"ETag": '"1"'})


def entries(rows: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    """Return acts as the API tells them."""
    listed = list(rows)
    acting = {row.acted_by for row in listed if row.acted_by is not None}
    people = User.objects.filter(pk__in=acting)
    names = {user.pk: user.get_full_name() for user in people}
    return [_entry(row, names) for row in listed]


def _entry(row: AuditEntry, names: Mapping[Any, str]) -> dict[str, Any]:
    by = row.acted_by and {"id": row.acted_by, "display_name": names.get(row.acted_by, "")}
    return {
        "id": id_of(row.pk),
        "version": 1,
        "created_at": row.at,
        "sequence": row.pk,
        "action": row.action,
        "by": by,
        "role": row.acted_role,
        "organization": row.acted_organization,
        "source": row.acted_source,
        "request_id": row.acted_request_id,
        "resource": row.resource,
        "record": row.record_id,
        "trial": row.trial_id,
        "site": row.site_id,
        "patient": row.patient_id,
        "detail": row.detail,
    }
