"""patients/{id}/vitals/series/: one vital sign over a span, for a chart."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import vocabulary as v
from patients.models import Patient, VitalSign
from patients.rules.vital_table import NUMERIC_CODES
from patients.wall.chart import Span, chart
from portal.access.permissions import Permission
from portal.api.fields import InstantField
from portal.api.permissions import Requirement
from portal.api.views import NestedMixin, ScopedViewSet, person
from portal.core import clock

_FEWEST, _USUAL, _MOST = 10, 500, 2000


class _PointsField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not (isinstance(data, str) and data.isascii() and data.isdecimal()):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class SeriesQuery(serializers.Serializer[Any]):
    """Which code, from when to when, in how many points; the last day where nothing is said."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "order": _("The span ends after it begins."),
    }
    code = serializers.ChoiceField(choices=NUMERIC_CODES, default=v.VitalCode.HEART_RATE)
    since = InstantField(required=False)
    until = InstantField(required=False)
    points = _PointsField(required=False, default=_USUAL, min_value=_FEWEST, max_value=_MOST)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the span. Raises: ValidationError when it ends before it begins."""
        until = attrs.get("until") or clock.now()
        since = attrs.get("since") or until - timedelta(days=1)
        if since >= until:
            message = str(self.error_messages["order"])
            raise serializers.ValidationError({"until": message}, code="order")
        return {**attrs, "since": since, "until": until}


class SeriesReadingSerializer(serializers.Serializer[Any]):
    """One reading, or one sample of a monitor."""

    at = serializers.DateTimeField()
    value = serializers.FloatField()
    reading = serializers.UUIDField(help_text="The vital sign or sample")
    status = serializers.ChoiceField(choices=v.ReadingStatus.choices)
    comparator = serializers.CharField()
    position = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())
    is_sample = serializers.BooleanField()


class SeriesBucketSerializer(serializers.Serializer[Any]):
    """The readings of a time; what is marked counts for no minimum, maximum or mean."""

    at = serializers.DateTimeField(help_text="When it begins")
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    mean = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(min_value=0)
    last = serializers.FloatField(allow_null=True)
    marked = serializers.IntegerField(min_value=0, help_text="Artifacts, implausible, inexact")


class ThresholdSerializer(serializers.Serializer[Any]):
    """A level of a risk rule in force."""

    rule = serializers.UUIDField()
    rule_name = serializers.CharField()
    rule_version = serializers.IntegerField(min_value=1)
    direction = serializers.ChoiceField(choices=["above", "below"])
    set = serializers.FloatField()
    reset = serializers.FloatField()


class BandSerializer(serializers.Serializer[Any]):
    """Points of NEWS2 for values above one value and up to another."""

    above = serializers.FloatField(allow_null=True)
    up_to = serializers.FloatField(allow_null=True)
    points = serializers.IntegerField(min_value=0, max_value=3)


class SeriesSerializer(serializers.Serializer[Any]):
    """Readings where they are few, buckets where they are many."""

    patient = serializers.UUIDField()
    code = serializers.ChoiceField(choices=NUMERIC_CODES)
    unit = serializers.CharField(help_text="UCUM")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    bucket_seconds = serializers.IntegerField(min_value=1, allow_null=True)
    readings = SeriesReadingSerializer(many=True)
    buckets = SeriesBucketSerializer(many=True)
    thresholds = ThresholdSerializer(many=True)
    news2_bands = BandSerializer(many=True)


class VitalSeriesViewSet(NestedMixin, ScopedViewSet):
    """patients/{id}/vitals/series/."""

    queryset = VitalSign.objects.all()
    serializer_class = SeriesSerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    parameters: ClassVar[frozenset[str]] = frozenset({"code", "since", "until", "points"})
    permissions: ClassVar[Mapping[str, Requirement]] = {"series": Permission.VITAL_SIGN_VIEW}

    @extend_schema(parameters=[SeriesQuery], responses=SeriesSerializer)
    def series(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return every reading of a span, or its buckets where there are more than `points`."""
        asked = SeriesQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(chart(Span(self.above, **asked.validated_data), person(request)))
