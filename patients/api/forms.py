"""What is sent to record a vital sign and to correct one."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from patients import vocabulary as v
from portal.api.fields import PlausibleDateField, StrictCharField, StrictUUIDField
from portal.api.reasons import ReasonedSerializer

_LONGEST_VALUE = 100


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}]})
class ReadingValueField(serializers.Field[Any, Any, Any, Any]):
    """A measured value as given: a number, a decimal string, a truth or a code; kept as text."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text with every digit. Raises: ValidationError."""
        if isinstance(data, bool):
            return "true" if data else "false"
        text = format(data, "f") if isinstance(data, Decimal) else data
        text = str(text) if isinstance(text, int) else text
        if not isinstance(text, str) or not text or len(text) > _LONGEST_VALUE:
            raise serializers.ValidationError("A number, a truth or a code.", code="invalid")
        return text


def _text(length: int) -> StrictCharField:
    return StrictCharField(max_length=length, required=False, allow_blank=True)


class _ReadingSerializer(ReasonedSerializer):
    value = ReadingValueField(source="original_value", required=False)
    unit = StrictCharField(
        source="original_unit", max_length=40, required=False, allow_blank=True, help_text="UCUM"
    )
    comparator = serializers.ChoiceField(choices=v.Comparator.choices, required=False)
    measured_at = PlausibleDateField(source="measured", required=False)
    visit = StrictUUIDField(source="visit_id", required=False, allow_null=True)
    panel = _text(60)
    position = serializers.ChoiceField(choices=v.Position.choices, required=False)
    body_site = _text(60)
    laterality = _text(20)
    method = _text(60)
    timepoint = _text(60)
    repeat = _text(20)
    fasting = serializers.ChoiceField(choices=v.YesNoUnknown.choices, required=False)
    specimen = _text(40)
    not_done_reason = _text(200)


class RecordVitalSignSerializer(_ReadingSerializer):
    """A reading to record: a value with its unit, or the reason why there is none."""

    patient = StrictUUIDField()
    code = serializers.ChoiceField(choices=v.VitalCode.choices)
    reading_id = StrictCharField(max_length=100, required=False)
    measured_at = PlausibleDateField(source="measured")


class CorrectVitalSignSerializer(_ReadingSerializer):
    """What is corrected of a reading; `entered_in_error` withdraws it."""

    status = serializers.ChoiceField(choices=v.ReadingStatus.choices, required=False)
