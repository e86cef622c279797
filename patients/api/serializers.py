"""Patients, vital signs and findings, as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from patients import vocabulary as v
from portal.api.fields import PartialDateTimeField
from portal.api.serializers import (
    CodeField,
    DetailMixin,
    NumberField,
    RecordSerializer,
    ReferenceField,
)


class PatientSerializer(RecordSerializer):
    """A person in a trial."""

    subject_number = serializers.CharField()
    usubjid = serializers.CharField()
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    participation = serializers.ChoiceField(choices=v.Participation.choices)
    treatment = serializers.ChoiceField(choices=v.Treatment.choices)
    vital_status = serializers.ChoiceField(choices=v.VitalStatus.choices)
    sex = CodeField(choices=v.Sex.choices)
    age = NumberField(allow_null=True)
    age_unit = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1 alpha-3; empty: unknown")


class PatientDetailSerializer(DetailMixin, PatientSerializer):
    """A person in a trial, and what the reader may do with them."""

    races = serializers.ListField(child=serializers.CharField())
    ethnicity = serializers.CharField()
    missing_reasons = serializers.DictField(child=serializers.CharField())


_NUMBER_OR_CODE = {
    "oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}],
    "nullable": True,
}


class VitalSignSerializer(RecordSerializer):
    """One reading: as given, and canonical."""

    columns_of = {"value": ("value", "code", "coded_value")}
    patient = ReferenceField("patient")
    subject_number = serializers.CharField()
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    visit = ReferenceField("visit", allow_null=True)
    report = ReferenceField("report", allow_null=True)
    reading_id = serializers.CharField(allow_null=True)
    code = serializers.ChoiceField(choices=v.VitalCode.choices)
    value = serializers.SerializerMethodField(method_name="canonical_value")
    unit = serializers.CharField(help_text="UCUM")
    comparator = CodeField(choices=v.Comparator.choices)
    original_value = serializers.CharField()
    original_unit = serializers.CharField()
    position = CodeField(choices=v.Position.choices)
    body_site = serializers.CharField()
    laterality = serializers.CharField()
    method = serializers.CharField()
    timepoint = serializers.CharField()
    elapsed = serializers.CharField()
    repeat = serializers.CharField()
    panel = serializers.CharField()
    fasting = serializers.ChoiceField(choices=v.YesNoUnknown.choices)
    originator = serializers.ChoiceField(choices=v.Originator.choices)
    status = serializers.ChoiceField(choices=v.ReadingStatus.choices)
    not_done_reason = serializers.CharField()
    measured_at = PartialDateTimeField(source="measured", allow_null=True)
    received_at = serializers.DateTimeField()
    flags = serializers.ListField(child=serializers.CharField())

    @extend_schema_field(_NUMBER_OR_CODE)
    def canonical_value(self, reading: Any) -> Any:
        """Return the canonical value: a number, a truth, a code, or null when not done."""
        if reading.value is not None:
            return NumberField().to_representation(reading.value)
        if reading.code == v.VitalCode.SUPPLEMENTAL_OXYGEN and reading.coded_value:
            return reading.coded_value == "true"
        return reading.coded_value or None


class EproReportRecordSerializer(RecordSerializer):
    """A diary report as received; its answers and readings are rows of their own."""

    patient = ReferenceField("patient")
    trial = ReferenceField("trial")
    site = ReferenceField("site")
    submission_id = serializers.UUIDField()
    instrument = serializers.CharField(source="instrument_code")
    instrument_version = serializers.CharField()
    assignment = ReferenceField("assignment", allow_null=True)
    authored_at = serializers.DateTimeField()
    saved_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField()
    time_zone = serializers.CharField()
    language = serializers.CharField()
    app_version = serializers.CharField()
    originator = serializers.ChoiceField(choices=v.Originator.choices)
    disposition = serializers.ChoiceField(choices=v.Disposition.choices)
    status = serializers.ChoiceField(choices=v.ReportStatus.choices)


class QuarantinedSubmissionSerializer(RecordSerializer):
    """What was set aside: when, from whom, why. The original stays where it is."""

    trial = ReferenceField("trial", allow_null=True)
    site = ReferenceField("site", allow_null=True)
    patient = ReferenceField("patient", allow_null=True)
    resource = serializers.ChoiceField(choices=v.UploadResource.choices)
    reason = serializers.ChoiceField(choices=v.QuarantineReason.choices)
    code = serializers.CharField()
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment]
    submission_id = serializers.UUIDField(allow_null=True)
    record = serializers.UUIDField(source="record_id", allow_null=True)
    received_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.CharField()


class VitalSignDetailSerializer(DetailMixin, VitalSignSerializer):
    """One reading, and what the reader may do with it."""


class FindingSerializer(RecordSerializer):
    """Where somebody must act."""

    rule = serializers.CharField()
    severity = serializers.ChoiceField(choices=v.FindingSeverity.choices)
    message = serializers.CharField()
    trial = ReferenceField("trial")
    site = ReferenceField("site", allow_null=True)
    patient = ReferenceField("patient", allow_null=True)
    resource = serializers.CharField()
    record = serializers.UUIDField(source="record_id", allow_null=True)
    state = serializers.ChoiceField(choices=v.FindingState.choices)
    owner_role = serializers.CharField()
    occurrences = serializers.IntegerField(min_value=1)
