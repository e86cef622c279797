"""The live wall: tiles for those who may see values, the flow of data for the others."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import vocabulary as v
from patients.models import Patient
from patients.rules.news2 import Band
from patients.wall import flow, tiles
from portal.access.permissions import Permission
from portal.access.scoping import staying, visible
from portal.accounts.models import User
from portal.api.filters import ReferenceFilter
from portal.api.permissions import Requirement
from portal.api.views import ListMixin, ScopedViewSet, find, person
from portal.core import clock
from trials.models import Site, Trial

_VALUE = {
    "oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}],
    "nullable": True,
}


@extend_schema_field(_VALUE)
class LiveValueField(serializers.Field[Any, Any, Any, Any]):
    """A number, a truth or a code."""


class LiveNews2Serializer(serializers.Serializer[Any]):
    """NEWS2 of a patient: without a score once its set has expired."""

    score = serializers.IntegerField(min_value=0, max_value=20, allow_null=True)
    band = serializers.ChoiceField(choices=[band.value for band in Band], allow_null=True)
    complete = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())
    set = serializers.UUIDField(help_text="The observation set")
    expires_at = serializers.DateTimeField(allow_null=True)
    algorithm = serializers.CharField()


class WallReadingSerializer(serializers.Serializer[Any]):
    """A reading on a tile; what the tile says, and what is empty, is left out."""

    reading = serializers.UUIDField()
    version = serializers.IntegerField(min_value=1)
    status = serializers.ChoiceField(choices=["final", "corrected", "entered_in_error"])
    code = serializers.ChoiceField(choices=v.VitalCode.choices)
    value = LiveValueField()
    comparator = serializers.ChoiceField(choices=v.Comparator.choices, required=False)
    unit = serializers.CharField(help_text="UCUM")
    position = serializers.ChoiceField(choices=v.Position.choices, required=False)
    measured_at = serializers.CharField(allow_null=True)
    received_at = serializers.DateTimeField()
    late = serializers.BooleanField(required=False)
    fresh_for_seconds = serializers.IntegerField(min_value=1)
    flags = serializers.ListField(child=serializers.CharField(), required=False)


class AlertCountsSerializer(serializers.Serializer[Any]):
    """The alerts of a patient that are not closed."""

    open = serializers.IntegerField(min_value=0, help_text="Not closed")
    unacknowledged = serializers.IntegerField(min_value=0)
    overdue = serializers.IntegerField(min_value=0)
    next_due_at = serializers.DateTimeField(
        allow_null=True, help_text="When one more is overdue unless it is acknowledged"
    )
    highest_severity = serializers.ChoiceField(choices=v.FindingSeverity.choices, allow_null=True)


class _RowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The patient's")
    patient = serializers.UUIDField()
    subject_number = serializers.CharField()
    trial = serializers.UUIDField()
    site = serializers.UUIDField()
    participation = serializers.ChoiceField(choices=v.Participation.choices)
    last_received_at = serializers.DateTimeField(allow_null=True)
    untold = serializers.ListField(
        child=serializers.CharField(),
        help_text="What stands but cannot be told: codes of vital signs, or fields of this row",
    )
    server_time = serializers.DateTimeField(help_text="Ages count from here")


class WallTileSerializer(_RowSerializer):
    """A patient on the clinicians' wall."""

    vitals = WallReadingSerializer(
        many=True, help_text="The latest of each code, and of its positions within a day of it"
    )
    news2 = LiveNews2Serializer(allow_null=True)
    news2_eligibility = serializers.ChoiceField(choices=v.ScoreEligibility.choices)
    alerts = AlertCountsSerializer(allow_null=True, help_text="Null where they cannot be told")


class DataFlowSerializer(_RowSerializer):
    """How the data of a patient flow, without a value."""

    missing_days = serializers.IntegerField(min_value=0)
    late_reports = serializers.IntegerField(min_value=0)
    open_findings = serializers.IntegerField(min_value=0)
    quarantined = serializers.IntegerField(min_value=0)


class WallFilter(django_filters.FilterSet):
    """One site or one trial."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")


_COLUMNS = ("id", "created_at", "subject_number", "trial_id", "site_id", "participation")


class _WallViewSet(ListMixin, ScopedViewSet):
    queryset: QuerySet[Any] = Patient.objects.all()
    filterset_class = WallFilter

    def get_queryset(self) -> QuerySet[Any]:
        """Return the patients of the caller's scope who have not been transferred away."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return staying(self.queryset.all(), person(self.request), self.permission)

    def rows_about(self, patients: Sequence[Any], user: User) -> list[dict[str, Any]]:
        """Return what is shown of a page of patients."""
        raise NotImplementedError

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page, a row for each patient; a place out of scope does not exist."""
        narrowed = self.filter_queryset(self.get_queryset())
        for name, places in (("site", Site.objects.all()), ("trial", Trial.objects.all())):
            if request.query_params.get(name):
                find(visible(places, request.user, self.permission), request.query_params[name])
        page = self.paginate_queryset(narrowed.values_list(*_COLUMNS, named=True))
        return self.get_paginated_response(self.rows_about(list(page or ()), person(request)))


# Two hundred tiles say much the same words. No secret stands beside what a client may choose.
@method_decorator(gzip_page, name="dispatch")
class WallTileViewSet(_WallViewSet):
    """wall/tiles/."""

    serializer_class = WallTileSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.VITAL_SIGN_MONITOR}

    def rows_about(self, patients: Sequence[Any], user: User) -> list[dict[str, Any]]:
        """Return the tiles."""
        return tiles.tiles(patients, user, clock.now())


class DataFlowViewSet(_WallViewSet):
    """wall/data-flow/."""

    serializer_class = DataFlowSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.DATA_FINDING_VIEW}

    def rows_about(self, patients: Sequence[Any], user: User) -> list[dict[str, Any]]:
        """Return how data flow."""
        return flow.flow(patients, clock.now())
