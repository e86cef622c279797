"""Monitoring plans of sites; clinical flags and time zones of patients."""

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import selectors
from patients import vocabulary as v
from patients.models import ClinicalFlag, MonitoringPlan, Patient, PatientZone
from patients.services import monitoring
from patients.services.diary_plans import change_zone
from portal.access.permissions import Permission
from portal.api.fields import (
    InstantField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)
from portal.api.filters import ReferenceFilter
from portal.api.permissions import Requirement
from portal.api.reasons import OnlyReasonSerializer, ReasonedSerializer
from portal.api.serializers import DetailMixin, RecordSerializer, ReferenceField
from portal.api.views import ListMixin, NestedMixin, RetrieveMixin, ScopedViewSet
from portal.api.writes import Call, Named, On, Write, WriteMixin
from trials.models import Site

_A_MONTH_OF_MINUTES = 31 * 24 * 60


class FreshnessSerializer(StrictSerializer):
    """For how many seconds a reading of a vital sign is fresh; one that is left out: as usual."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a number for each vital sign."""
        return {
            code: StrictIntegerField(
                min_value=1, max_value=monitoring.LONGEST_FRESH_SECONDS, required=False
            )
            for code in v.VitalCode.values
        }


@extend_schema_field(FreshnessSerializer)
class FreshnessField(serializers.DictField):
    """The same as it is stored, in one column."""


class MonitoringPlanSerializer(RecordSerializer):
    """How the patients of one site are watched."""

    trial = ReferenceField("trial")
    site = ReferenceField("site")
    setting = serializers.ChoiceField(choices=v.CareSetting.choices)
    news2_enabled = serializers.BooleanField()
    fresh_for = FreshnessField()
    continuous_limit_minutes = serializers.IntegerField()
    observation_window_minutes = serializers.IntegerField()
    offline_grace_hours = serializers.IntegerField()


class MonitoringPlanDetailSerializer(DetailMixin, MonitoringPlanSerializer):
    """A plan, and what may be done with it."""


class ChangePlanForm(ReasonedSerializer):
    """What a plan says instead; NEWS2 is for inpatients."""

    setting = serializers.ChoiceField(choices=v.CareSetting.choices, required=False)
    news2_enabled = StrictBooleanField(required=False)
    fresh_for = FreshnessSerializer(required=False, help_text="The whole of it.")
    continuous_limit_minutes = StrictIntegerField(
        min_value=1, max_value=_A_MONTH_OF_MINUTES, required=False
    )
    observation_window_minutes = StrictIntegerField(
        min_value=1, max_value=_A_MONTH_OF_MINUTES, required=False
    )
    offline_grace_hours = StrictIntegerField(min_value=0, max_value=31 * 24, required=False)


class NewPlanForm(ChangePlanForm):
    """A plan of a site that has none."""

    site = StrictUUIDField()


class MonitoringPlanFilter(django_filters.FilterSet):
    """By trial and site."""

    trial = ReferenceFilter(field_name="site__trial_id")
    site = ReferenceFilter(field_name="site_id")


def _facts(call: Call) -> dict[str, Any]:
    return {name: said for name, said in call.body.items() if name not in ("site", "change_reason")}


def _plan(call: Call) -> MonitoringPlan:
    return monitoring.plan_monitoring(
        site=call.record, facts=_facts(call), by=call.by, at=call.at, reason=call.reason
    )


def _change_plan(call: Call) -> MonitoringPlan:
    return monitoring.change_monitoring_plan(
        plan=call.record, facts=_facts(call), by=call.by, at=call.at, reason=call.reason
    )


class MonitoringPlanViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """monitoring-plans/."""

    queryset = selectors.monitoring_plans()
    serializer_class = MonitoringPlanSerializer
    detail_serializer_class = MonitoringPlanDetailSerializer
    filterset_class = MonitoringPlanFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.RISK_RULE_VIEW,
        "retrieve": Permission.RISK_RULE_VIEW,
        "create": Permission.RISK_RULE_CHANGE,
        "partial_update": Permission.RISK_RULE_CHANGE,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=NewPlanForm,
            perform=_plan,
            on=Named("site", Site.objects.all(), Permission.SITE_VIEW),
            status=201,
            needs_reason=True,
        ),
        "partial_update": Write(form=ChangePlanForm, perform=_change_plan, needs_reason=True),
    }

    def create(self, request: Request) -> Response:
        """Write the plan of a site that has none."""
        return self.write()

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a plan, or turn NEWS2 on or off."""
        return self.write()


class ClinicalFlagSerializer(RecordSerializer):
    """A dated fact about the patient that changes how readings are judged."""

    patient = ReferenceField("patient")
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    kind = serializers.ChoiceField(choices=v.FlagKind.choices)
    author = ReferenceField("author")
    from_at = serializers.DateTimeField()
    to_at = serializers.DateTimeField(allow_null=True)


class FlagForm(ReasonedSerializer):
    """Which fact holds, and since when: from now on, where it is not said."""

    kind = serializers.ChoiceField(choices=v.FlagKind.choices)
    from_at = InstantField(required=False)
    to_at = InstantField(required=False, allow_null=True)


def _flag(call: Call) -> ClinicalFlag:
    return monitoring.flag_patient(
        patient=call.record,
        kind=call.body["kind"],
        from_at=call.body.get("from_at"),
        to_at=call.body.get("to_at"),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _end_flag(call: Call) -> ClinicalFlag:
    return monitoring.end_flag(flag=call.record, by=call.by, at=call.at, reason=call.reason)


class PatientFlagViewSet(WriteMixin, NestedMixin, ListMixin, ScopedViewSet):
    """patients/{id}/clinical-flags/."""

    queryset = ClinicalFlag.objects.all()
    serializer_class = ClinicalFlagSerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.PATIENT_VIEW,
        "create": Permission.PATIENT_JUDGE_ELIGIBILITY,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=FlagForm, perform=_flag, on=On.ABOVE, status=201, needs_reason=True)
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Record a flag, such as the saturation scale for hypercapnic patients."""
        return self.write()


class ClinicalFlagViewSet(WriteMixin, ScopedViewSet):
    """clinical-flags/{id}/end/."""

    queryset = ClinicalFlag.objects.all()
    serializer_class = ClinicalFlagSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"end": Permission.PATIENT_JUDGE_ELIGIBILITY}
    writes: ClassVar[Mapping[str, Write]] = {
        "end": Write(
            form=OnlyReasonSerializer,
            perform=_end_flag,
            needs_reason=True,
            seen_by=Permission.PATIENT_VIEW,
        )
    }

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End a flag now."""
        return self.write()


class PatientZoneSerializer(RecordSerializer):
    """Where the patient's clock runs from when on."""

    patient = ReferenceField("patient")
    time_zone = serializers.CharField()
    from_at = serializers.DateTimeField()


class ZoneForm(ReasonedSerializer):
    """The zone in which the patient lives from now on."""

    time_zone = StrictCharField(max_length=64, help_text="IANA name, such as Asia/Shanghai")


def _change_zone(call: Call) -> PatientZone:
    return change_zone(
        patient=call.record,
        time_zone=call.body["time_zone"],
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


class PatientZoneViewSet(WriteMixin, NestedMixin, ListMixin, ScopedViewSet):
    """patients/{id}/time-zones/."""

    queryset = PatientZone.objects.all()
    serializer_class = PatientZoneSerializer
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.PATIENT_VIEW,
        "create": Permission.PATIENT_CHANGE,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=ZoneForm, perform=_change_zone, on=On.ABOVE, status=201, needs_reason=True
        )
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the patient's zone from now on; coming diary windows move with it."""
        return self.write()
