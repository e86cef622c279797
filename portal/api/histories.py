"""The history of one record, of any kind: who changed it, when, why, old and new.

One mechanism for every record that the API shows: `history_of(Model, Permission)` in an app's urls.
What would unblind has its history in the protected schema, and no address here.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import BooleanField, F, Func, Model, QuerySet, Window
from django.db.models.functions import Lag
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.access.trail import resource_of
from portal.api import history
from portal.api.pagination import Ordering
from portal.api.permissions import Requirement
from portal.api.views import LIST, NestedMixin, ScopedViewSet
from portal.core.history import TRACKED, Source
from portal.core.models import SCHEMA_OF


class ActorSerializer(serializers.Serializer[Any]):
    """Who acted."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()


class ChangeSerializer(serializers.Serializer[Any]):
    """One value that changed; null stands for nothing."""

    field = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """One change of a record: who, when, why, by which path, and what."""

    sequence = serializers.IntegerField(help_text="grows with every change in the portal")
    kind = serializers.ChoiceField(choices=["insert", "update", "delete"])
    version = serializers.IntegerField(min_value=1)
    changed_at = serializers.DateTimeField()
    by = ActorSerializer()
    role = serializers.CharField()
    organization = serializers.CharField()
    reason = serializers.CharField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[source.value for source in Source]
    )
    request_id = serializers.CharField()
    changes = ChangeSerializer(many=True)


class _Differs(Func):
    """Whether two values differ, nothing being a value."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    output_field = BooleanField()


class HistoryViewSet(NestedMixin, ScopedViewSet):
    """…/{id}/history/, of a record and with `field` of one of its values."""

    model: ClassVar[type[Model]]
    serializer_class = HistoryEntrySerializer
    orderings: ClassVar[Mapping[str, Ordering]] = {"-changed_at": Ordering("pgh_id", tie="pgh_id")}
    default_ordering = "-changed_at"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.AUDIT_ENTRY_VIEW}
    parameters: ClassVar[frozenset[str]] = frozenset({"field"})

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return who changed what, when and why, newest first."""
        rows: QuerySet[Any] = TRACKED[self.model]._default_manager.filter(pgh_obj_id=self.above.pk)
        only = self._field(request.query_params.get("field") or None)
        if only is not None:
            before = Window(Lag(only), order_by="pgh_id")
            rows = rows.annotate(value_before=before)
            rows = rows.annotate(differs=_Differs(F(only), F("value_before")))
            rows = rows.filter(differs=True)
        page = self.paginate_queryset(rows)
        entries = history.told(page or [], rows, only=only)
        return self.get_paginated_response(self.get_serializer(entries, many=True).data)

    def _field(self, name: str | None) -> str | None:
        """Return the column of a field that the history tells. Raises: ValidationError."""
        if name is None:
            return None
        told = history.told_fields(TRACKED[self.model])
        if name not in told:
            message = _("The record has no such field with a history.")
            raise ValidationError({"field": [message]}, code="unknown_field_name")
        return told[name]


def history_of(shown: type[Model], seen_by: Permission) -> Any:
    """Return the view of the history of a kind of record that `seen_by` lets people see."""
    if shown not in TRACKED or SCHEMA_OF.get(shown._meta.label) == "allocation":
        raise TypeError(f"{shown.__name__} has no history that can be shown")
    name = resource_of(shown)

    class RecordHistoryViewSet(HistoryViewSet):
        model = shown
        queryset = shown._base_manager.none()
        parent = shown._base_manager.all()
        parent_permission = seen_by

        @extend_schema(
            operation_id=f"{name}_history_list",
            parameters=[
                OpenApiParameter(
                    "field",
                    OpenApiTypes.STR,
                    enum=sorted(history.told_fields(TRACKED[shown])),
                    description="Only the changes of this value.",
                )
            ],
        )
        def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
            """Return who changed the record, when, why and by which path, newest first."""
            return super().list(request, *args, **kwargs)

    return RecordHistoryViewSet.as_view(LIST)
