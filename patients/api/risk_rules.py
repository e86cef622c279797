"""risk-rules/: written, tried on history, put into force and retired."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.db.models import Count, Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import selectors
from patients import vocabulary as v
from patients.models import Alert, RiskRule, RiskRuleVersion
from patients.services import dry_runs, risk_rules
from patients.wall.readings import number as plain_number
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.api.fields import StrictCharField, StrictUUIDField
from portal.api.filters import ReferenceFilter
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer
from portal.api.serializers import DetailMixin, NumberField, RecordSerializer, ReferenceField
from portal.api.views import ListMixin, RetrieveMixin, ScopedViewSet, person
from portal.api.writes import Call, Named, Write, WriteMixin
from trials.models import Trial

_JUDGED = Q(alerts__was_actionable__isnull=False)


class ParametersField(serializers.DictField):
    """What a rule says, as JSON keeps it."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the parameters with plain numbers. Raises: ValidationError."""
        said = super().to_internal_value(data)
        return {
            name: plain_number(value) if isinstance(value, Decimal) else value
            for name, value in said.items()
        }


class RiskRuleSerializer(RecordSerializer):
    """A rule, and how many of its judged alerts called for action."""

    trial = ReferenceField("trial")
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=v.RuleKind.choices)
    is_built_in = serializers.BooleanField()
    judged = serializers.IntegerField(min_value=0, help_text="Alerts that a physician judged")
    actionable = serializers.IntegerField(min_value=0, help_text="Of them, those to act on")


class RuleAtSiteSerializer(serializers.Serializer[Any]):
    """How a rule's alerts were judged at one site."""

    site = serializers.UUIDField()
    alerts = serializers.IntegerField(min_value=0)
    judged = serializers.IntegerField(min_value=0, help_text="Alerts that a physician judged")
    actionable = serializers.IntegerField(min_value=0, help_text="Of them, those to act on")
    actionable_share = NumberField(
        allow_null=True, help_text="Of the judged ones, from 0 to 1; null where none is judged"
    )


class RuleAtSitesSerializer(serializers.Serializer[Any]):
    """By site."""

    results = RuleAtSiteSerializer(many=True)


class DryRunSerializer(RecordSerializer):
    """What a version would have fired; warns above two alerts for a patient and day."""

    state = serializers.ChoiceField(choices=v.DryRunState.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    patients_total = serializers.IntegerField()
    patients_done = serializers.IntegerField()
    observations = serializers.IntegerField()
    breaches = serializers.IntegerField()
    alerts = serializers.IntegerField()
    alerts_per_patient_day = NumberField(allow_null=True)
    is_too_loud = serializers.SerializerMethodField(method_name="too_loud")

    def too_loud(self, run: Any) -> bool:
        """Return whether it would be more than anybody can answer."""
        return dry_runs.is_too_loud(run)


class RiskRuleVersionSerializer(RecordSerializer):
    """One text of a rule."""

    trial = ReferenceField("trial")
    rule = ReferenceField("rule")
    number = serializers.IntegerField(min_value=1)
    parameters = serializers.DictField()
    state = serializers.ChoiceField(choices=v.RuleState.choices)
    tried_at = serializers.DateTimeField(allow_null=True)
    activated_at = serializers.DateTimeField(allow_null=True)
    activated_by = ReferenceField("activated_by", allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)


class RiskRuleVersionDetailSerializer(DetailMixin, RiskRuleVersionSerializer):
    """One text of a rule, and how it was tried."""

    dry_runs = DryRunSerializer(many=True)


class NewRuleForm(ReasonedSerializer):
    """A rule with its first text."""

    trial = StrictUUIDField()
    code = StrictCharField(max_length=60)
    name = StrictCharField(max_length=200)
    kind = serializers.ChoiceField(choices=v.RuleKind.choices)
    parameters = ParametersField()


class NewVersionForm(ReasonedSerializer):
    """Another text of a rule."""

    rule = StrictUUIDField()
    parameters = ParametersField()


class ChangeDraftForm(ReasonedSerializer):
    """What a draft says instead."""

    parameters = ParametersField()


class ReasonForm(ReasonedSerializer):
    """Why."""


class RiskRuleFilter(django_filters.FilterSet):
    """By trial and kind."""

    trial = ReferenceFilter(field_name="trial_id")
    kind = django_filters.ChoiceFilter(choices=v.RuleKind.choices)


class RiskRuleVersionFilter(django_filters.FilterSet):
    """By trial, rule and state."""

    trial = ReferenceFilter(field_name="trial_id")
    rule = ReferenceFilter(field_name="rule_id")
    state = django_filters.ChoiceFilter(choices=v.RuleState.choices)


def _create(call: Call) -> RiskRule:
    facts = {name: call.body[name] for name in ("code", "name", "kind", "parameters")}
    made = risk_rules.create_rule(
        trial=call.record, **facts, by=call.by, at=call.at, reason=call.reason
    )
    return made.rule


def _add(call: Call) -> RiskRuleVersion:
    return risk_rules.add_version(
        rule=call.record,
        parameters=call.body["parameters"],
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _change(call: Call) -> RiskRuleVersion:
    return risk_rules.change_draft(
        version=call.record,
        parameters=call.body["parameters"],
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _try(call: Call) -> RiskRuleVersion:
    dry_runs.try_version(version=call.record, by=call.by, at=call.at)
    return RiskRuleVersion.objects.get(pk=call.record.pk)


def _activate(call: Call) -> RiskRuleVersion:
    return risk_rules.activate_version(
        version=call.record, by=call.by, at=call.at, reason=call.reason
    )


def _retire(call: Call) -> RiskRuleVersion:
    return risk_rules.retire_version(
        version=call.record, by=call.by, at=call.at, reason=call.reason
    )


class RiskRuleViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """risk-rules/."""

    queryset = RiskRule.objects.annotate(
        judged=Count("alerts", filter=_JUDGED),
        actionable=Count("alerts", filter=Q(alerts__was_actionable=True)),
    )
    serializer_class = RiskRuleSerializer
    filterset_class = RiskRuleFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.RISK_RULE_VIEW,
        "retrieve": Permission.RISK_RULE_VIEW,
        "create": Permission.RISK_RULE_CHANGE,
        "sites": Permission.RISK_RULE_VIEW,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=NewRuleForm,
            perform=_create,
            on=Named("trial", Trial.objects.all(), Permission.TRIAL_VIEW),
            status=201,
            needs_reason=True,
        )
    }

    def create(self, request: Request) -> Response:
        """Write a rule with its first version, a draft."""
        return self.write()

    @extend_schema(responses=RuleAtSitesSerializer)
    def sites(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return for each site that one sees how many of the rule's alerts called for action."""
        seen = visible(Alert.objects.all(), person(request), Permission.RISK_RULE_VIEW)
        found = selectors.judged_by_site(seen.filter(rule=self.get_object()))
        return Response(RuleAtSitesSerializer({"results": found}).data)


class RiskRuleVersionViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """risk-rule-versions/."""

    queryset = RiskRuleVersion.objects.all()
    serializer_class = RiskRuleVersionSerializer
    detail_serializer_class = RiskRuleVersionDetailSerializer
    filterset_class = RiskRuleVersionFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.RISK_RULE_VIEW,
        "retrieve": Permission.RISK_RULE_VIEW,
        "create": Permission.RISK_RULE_CHANGE,
        "partial_update": Permission.RISK_RULE_CHANGE,
        "dry_run": Permission.RISK_RULE_CHANGE,
        "activate": Permission.RISK_RULE_ACTIVATE,
        "retire": Permission.RISK_RULE_ACTIVATE,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=NewVersionForm,
            perform=_add,
            on=Named("rule", RiskRule.objects.all(), Permission.RISK_RULE_VIEW),
            status=201,
            needs_reason=True,
        ),
        "partial_update": Write(form=ChangeDraftForm, perform=_change, needs_reason=True),
        "dry_run": Write(form=ReasonForm, perform=_try),
        "activate": Write(form=ReasonForm, perform=_activate, needs_reason=True),
        "retire": Write(form=ReasonForm, perform=_retire, needs_reason=True),
    }

    def create(self, request: Request) -> Response:
        """Write another version of a rule, a draft."""
        return self.write()

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change what a draft says; it must be tried again."""
        return self.write()

    def dry_run(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try a version on the trial's history: what it would have fired, and how often.

        In a trial of more than 200 patients the dry run goes on as a report with progress, of kind
        `risk_rule_dry_run`.
        """
        return self.write()

    def activate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put a tried version into force; the caller confirms it by name."""
        return self.write()

    def retire(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a version out of force."""
        return self.write()
