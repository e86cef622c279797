"""Alerts, what is done about them, and scores."""

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import selectors
from patients import vocabulary as v
from patients.models import Patient
from patients.services import alerts
from portal.access.permissions import Permission
from portal.api.fields import StrictSerializer
from portal.api.filters import ReferenceFilter
from portal.api.permissions import Requirement
from portal.api.serializers import DetailMixin, NumberField, RecordSerializer, ReferenceField
from portal.api.views import ListMixin, NestedMixin, RetrieveMixin, ScopedViewSet
from portal.api.writes import Call, Write, WriteMixin


class AlertSerializer(RecordSerializer):
    """What a risk rule found for a patient, and who has it."""

    patient = ReferenceField("patient")
    subject_number = serializers.CharField()
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    kind = serializers.ChoiceField(choices=v.RuleKind.choices)
    is_medical = serializers.BooleanField()
    state = serializers.ChoiceField(choices=v.AlertState.choices)
    rule = ReferenceField("rule")
    rule_name = serializers.CharField()
    rule_version = serializers.IntegerField(source="rule_version_number", min_value=1)
    facts = serializers.DictField(help_text="The values that fired it")
    reported_late = serializers.BooleanField()
    observed_at = serializers.DateTimeField()
    raised_at = serializers.DateTimeField()
    last_fired_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = ReferenceField("acknowledged_by", allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = ReferenceField("closed_by", allow_null=True)


class BreachSerializer(serializers.Serializer[Any]):
    """One value beyond the rule's level."""

    id = serializers.UUIDField()
    resource = serializers.CharField()
    record = serializers.UUIDField(source="record_id")
    observed_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    facts = serializers.DictField()
    has_fired = serializers.BooleanField()
    is_late = serializers.BooleanField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class AlertDetailSerializer(DetailMixin, AlertSerializer):
    """An alert with its breaches and how it was judged."""

    comment = serializers.CharField()
    assessment = serializers.CharField()
    was_actionable = serializers.BooleanField(allow_null=True)
    breaches = BreachSerializer(many=True)


class AcknowledgeForm(StrictSerializer):
    """Words for who looks at the alert next."""

    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class CloseForm(StrictSerializer):
    """A physician's assessment."""

    assessment = serializers.CharField(max_length=10_000)
    was_actionable = serializers.BooleanField(required=False, allow_null=True)


class AlertFilter(django_filters.FilterSet):
    """By place, person, kind and state."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    kind = django_filters.ChoiceFilter(choices=v.RuleKind.choices)
    state = django_filters.ChoiceFilter(choices=v.AlertState.choices)


def _acknowledge(call: Call) -> Any:
    return alerts.acknowledge_alert(
        alert=call.record, comment=call.body.get("comment", ""), by=call.by, at=call.at
    )


def _close(call: Call) -> Any:
    return alerts.close_alert(
        alert=call.record,
        assessment=call.body["assessment"],
        was_actionable=call.body.get("was_actionable"),
        by=call.by,
        at=call.at,
    )


class AlertViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """alerts/."""

    queryset = selectors.alerts()
    serializer_class = AlertSerializer
    detail_serializer_class = AlertDetailSerializer
    filterset_class = AlertFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.ALERT_VIEW,
        "retrieve": Permission.ALERT_VIEW,
        "acknowledge": Permission.ALERT_ACKNOWLEDGE,
        "close": Permission.ALERT_CLOSE,
    }
    urgent = frozenset({"retrieve", "acknowledge"})
    writes: ClassVar[Mapping[str, Write]] = {
        "acknowledge": Write(form=AcknowledgeForm, perform=_acknowledge),
        "close": Write(form=CloseForm, perform=_close),
    }

    def acknowledge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say that one has it."""
        return self.write()

    def close(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Close it with an assessment."""
        return self.write()


class ScoreSerializer(RecordSerializer):
    """A number that the portal computed, with all that it came from."""

    patient = ReferenceField("patient")
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    report = ReferenceField("report", allow_null=True)
    observation_set = ReferenceField("observation_set", allow_null=True)
    name = serializers.CharField()
    value = NumberField(allow_null=True)
    band = serializers.CharField()
    algorithm = serializers.CharField()
    algorithm_version = serializers.CharField()
    inputs = serializers.DictField()
    missing = serializers.ListField(child=serializers.CharField())
    scored_at = serializers.DateTimeField()


class PatientScoreViewSet(NestedMixin, ListMixin, ScopedViewSet):
    """patients/{id}/scores/."""

    queryset = selectors.current_scores()
    serializer_class = ScoreSerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.SCORE_VIEW}
