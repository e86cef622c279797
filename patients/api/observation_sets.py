"""patients/{id}/observation-sets/: rounds of observations, closed by staff, with their NEWS2."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import vocabulary as v
from patients.models import ObservationSet, Patient
from patients.rules.news2 import Band
from patients.services.observation_sets import candidate, close_observation_set
from portal.access.permissions import Permission
from portal.api.fields import InstantField
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer
from portal.api.serializers import RecordSerializer, ReferenceField
from portal.api.views import ListMixin, NestedMixin, ScopedViewSet
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core import clock

_BANDS = [band.value for band in Band]


class ObservationSetSerializer(RecordSerializer):
    """A round of observations and what NEWS2 makes of it."""

    patient = ReferenceField("patient")
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    closed_at = serializers.DateTimeField()
    closed_by = ReferenceField("closed_by")
    taken_from = serializers.DateTimeField()
    taken_until = serializers.DateTimeField()
    inputs = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="By parameter: the reading (samples:<code> for a monitor's median) and its value",
    )
    rounded_inputs = serializers.DictField(child=serializers.CharField())
    sub_scores = serializers.DictField(child=serializers.IntegerField())
    missing = serializers.ListField(child=serializers.CharField())
    eligibility = serializers.ChoiceField(choices=v.ScoreEligibility.choices)
    spo2_scale = serializers.IntegerField(min_value=1, max_value=2)
    aggregate = serializers.IntegerField(min_value=0, max_value=20, allow_null=True)
    band = serializers.CharField(help_text=", ".join(_BANDS))
    algorithm = serializers.CharField()
    algorithm_version = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


class CandidateSetSerializer(serializers.Serializer[Any]):
    """What a set would hold if it were closed now."""

    eligibility = serializers.ChoiceField(choices=v.ScoreEligibility.choices)
    readings = serializers.DictField(child=serializers.CharField())
    rounded_inputs = serializers.DictField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())
    sub_scores = serializers.DictField(child=serializers.IntegerField())
    score = serializers.IntegerField(min_value=0, max_value=20, allow_null=True)
    band = serializers.ChoiceField(choices=_BANDS, allow_null=True)
    taken_from = serializers.DateTimeField(allow_null=True)
    taken_until = serializers.DateTimeField(allow_null=True)


class CloseSetForm(ReasonedSerializer):
    """When the round was closed: now, where it is not said."""

    closed_at = InstantField(required=False)


def _close(call: Call) -> ObservationSet:
    return close_observation_set(
        patient=call.record,
        closed_at=call.body.get("closed_at"),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


class ObservationSetViewSet(WriteMixin, NestedMixin, ListMixin, ScopedViewSet):
    """patients/{id}/observation-sets/."""

    queryset = ObservationSet.objects.filter(superseded_at=None)
    serializer_class = ObservationSetSerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.SCORE_VIEW,
        "create": Permission.VITAL_SIGN_RECORD,
        "candidate": Permission.VITAL_SIGN_MONITOR,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=CloseSetForm, perform=_close, on=On.ABOVE, status=201)
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Close a round of observations and score it."""
        return self.write()

    @extend_schema(responses=CandidateSetSerializer)
    def candidate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return what a set closed now would hold; nothing is written."""
        found = candidate(patient=self.above, closed_at=clock.now())
        is_eligible = found.eligibility == v.ScoreEligibility.ELIGIBLE
        score = found.score
        return Response(
            {
                "eligibility": found.eligibility,
                "readings": dict(found.chosen.used),
                "rounded_inputs": dict(score.inputs),
                "missing": list(score.missing),
                "sub_scores": dict(score.sub_scores) if is_eligible else {},
                "score": score.score if is_eligible else None,
                "band": score.band if is_eligible else None,
                "taken_from": found.chosen.started_at,
                "taken_until": found.chosen.ended_at,
            }
        )
