"""What is sent to report an adverse event, to amend it and to confirm its judgment."""

from typing import Any

from rest_framework import serializers

from events import vocabulary as v
from events.services.facts import CriterionMet, Statement
from patients.vocabulary import YesNoUnknown
from portal.api.fields import (
    InstantField,
    PlausibleDateField,
    StrictBooleanField,
    StrictCharField,
    StrictSerializer,
    StrictUUIDField,
)
from portal.api.reasons import ReasonedSerializer


def _answer() -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=YesNoUnknown.choices, required=False)


class CriteriaSerializer(StrictSerializer):
    """The six criteria of ICH E2A; what is not stated stays as it is, at first unknown."""

    death = _answer()
    life_threatening = _answer()
    hospitalization = _answer()
    disability = _answer()
    congenital_anomaly = _answer()
    other_medically_important = _answer()


class CriterionMetSerializer(StrictSerializer):
    """When a criterion was met, and when that became known."""

    criterion = serializers.ChoiceField(choices=v.Seriousness.choices)
    met_on = PlausibleDateField(required=False, allow_null=True)
    known_at = InstantField(required=False, allow_null=True)


class _FactsSerializer(ReasonedSerializer):
    onset = PlausibleDateField(required=False, allow_null=True)
    resolved = PlausibleDateField(required=False, allow_null=True)
    outcome = serializers.ChoiceField(choices=v.Outcome.choices, required=False)
    severity = serializers.ChoiceField(
        choices=v.INTENSITIES,
        required=False,
        help_text="mild, moderate or severe, or a CTCAE grade from 1 to 5",
    )
    seriousness = CriteriaSerializer(required=False)
    criteria_met = CriterionMetSerializer(  # type: ignore[call-arg]
        many=True, required=False, max_length=6
    )
    serious_as_reported = _answer()
    causality = StrictCharField(
        max_length=60, required=False, help_text="the investigator's, on the trial's scale"
    )
    is_related = StrictBooleanField(required=False, help_text="what the causality comes to")
    judged_by = StrictUUIDField(
        required=False,
        allow_null=True,
        help_text="the physician from whom seriousness, severity and causality are transcribed",
    )
    site_aware_at = InstantField(
        required=False, allow_null=True, help_text="required when a criterion is met"
    )
    information_received_at = InstantField(required=False, allow_null=True)


class ReportSerializer(_FactsSerializer):
    """An adverse event to report."""

    patient = StrictUUIDField()
    term = StrictCharField(max_length=500, help_text="in the reporter's words")


class FollowUpSerializer(_FactsSerializer):
    """What became known later, what was written wrongly, or why there is no event."""

    kind = serializers.ChoiceField(
        choices=[c for c in v.VersionKind.choices if c[0] != v.VersionKind.INITIAL]
    )
    term = StrictCharField(max_length=500, required=False)


def statement_of(body: dict[str, Any]) -> Statement:
    """Return what a body states of the event; takes the facts out of it."""
    facts: dict[str, Any] = {
        name: body.pop(name)
        for name in ("term", "onset", "resolved", "outcome", "serious_as_reported", "causality")
        if name in body
    }
    severity = body.pop("severity", None)
    if severity in v.GRADES:
        scale = v.SeverityScale.CTCAE.value
        facts |= {"severity_scale": scale, "severity": "", "severity_grade": int(severity)}
    elif severity is not None:
        scale = v.SeverityScale.MILD_MODERATE_SEVERE.value
        facts |= {"severity_scale": scale, "severity": severity, "severity_grade": None}
    met = [CriterionMet(**dict(each)) for each in body.pop("criteria_met", ())]
    facts |= {each.criterion: YesNoUnknown.YES.value for each in met}
    facts |= dict(body.pop("seriousness", {}))
    return Statement(facts=facts, met=met, is_related=body.pop("is_related", None))
