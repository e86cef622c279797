"""Adverse events, their history, and a patient's timeline, as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from events import vocabulary as v
from events.selectors import TIMELINE_KINDS
from patients.vocabulary import YesNoUnknown
from portal.api.fields import PartialDateTimeField
from portal.api.serializers import CodeField, DetailMixin, RecordSerializer, ReferenceField

# Intensity by either scale; `severity_scale` says which.
SEVERITIES = f"^({'|'.join(v.Severity.values)}|[1-5])$"


class SeriousnessSerializer(serializers.Serializer[Any]):
    """The six criteria of ICH E2A."""

    death = serializers.ChoiceField(choices=YesNoUnknown.choices)
    life_threatening = serializers.ChoiceField(choices=YesNoUnknown.choices)
    hospitalization = serializers.ChoiceField(choices=YesNoUnknown.choices)
    disability = serializers.ChoiceField(choices=YesNoUnknown.choices)
    congenital_anomaly = serializers.ChoiceField(choices=YesNoUnknown.choices)
    other_medically_important = serializers.ChoiceField(choices=YesNoUnknown.choices)


class AdverseEventSerializer(RecordSerializer):
    """One verbatim term in one patient."""

    number = serializers.IntegerField(min_value=0)
    patient = ReferenceField("patient")
    subject_number = serializers.CharField()
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    term = serializers.CharField(help_text="verbatim")
    coded_term = serializers.CharField()
    system_organ_class = serializers.CharField()
    onset = PartialDateTimeField(allow_null=True)
    resolved = PartialDateTimeField(allow_null=True)
    columns_of = {"severity": ("severity", "severity_grade")}
    severity = serializers.SerializerMethodField()
    severity_grade = serializers.IntegerField(allow_null=True, min_value=1, max_value=5)
    severity_scale = CodeField(choices=v.SeverityScale.choices)
    is_serious = serializers.BooleanField()
    serious_as_reported = serializers.ChoiceField(choices=YesNoUnknown.choices)
    seriousness = SeriousnessSerializer(source="*")
    causality = serializers.CharField()
    outcome = serializers.ChoiceField(choices=v.Outcome.choices)
    treatment_emergent = CodeField(choices=["yes", "no", "cannot_tell"])
    is_nullified = serializers.BooleanField()
    judgment = CodeField(
        choices=[choice for choice in v.Judgment.choices if choice[0]],
        help_text="whose the medical judgments are; null: none is stated",
    )

    @extend_schema_field({"type": "string", "pattern": SEVERITIES, "nullable": True})
    def get_severity(self, event: Any) -> str | None:
        """Return mild, moderate or severe, or the grade where the scale is CTCAE."""
        if event.severity_grade is not None:
            return str(event.severity_grade)
        return event.severity or None


class AdverseEventDetailSerializer(DetailMixin, AdverseEventSerializer):
    """An adverse event, and what the reader may do with it."""

    site_aware_at = serializers.DateTimeField(allow_null=True)
    sponsor_aware_at = serializers.DateTimeField(allow_null=True)


class TimelineEntrySerializer(serializers.Serializer[Any]):
    """Something that happened to the patient; `kind` and `id` name the record."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TIMELINE_KINDS, source="what")
    title = serializers.CharField(source="words")
    site = serializers.UUIDField(source="place")
    occurred_at = PartialDateTimeField(source="happened", allow_null=True)
