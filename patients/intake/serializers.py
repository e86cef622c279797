"""The bodies of patients.intake.schema: documented, and checked to say what is wrong."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from patients.intake import schema
from patients.intake.readings import DETAILS, form_of
from patients.vocabulary import (
    Comparator,
    Disposition,
    MissingReason,
    Originator,
    Position,
    ReadingStatus,
    ReportStatus,
    YesNoUnknown,
)
from portal.api.fields import (
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)

_SCALAR = {"oneOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}]}
_ANSWER = {
    "nullable": True,
    "oneOf": [*_SCALAR["oneOf"], {"type": "array", "items": _SCALAR}],
}
_to_instant = msgspec.json.Decoder(schema.Instant).decode


class PhoneInstantField(serializers.DateTimeField):
    """An instant with its offset; the clock that says it may be wrong, and is not corrected."""

    default_error_messages = {
        "offset": _("An instant needs its offset, such as 2026-11-20T08:00:00+08:00."),
        "implausible": _("This instant cannot be meant."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant. Raises: ValidationError."""
        if not isinstance(value, str):
            self.fail("offset")
        try:
            instant: datetime = _to_instant(msgspec.json.encode(value))
        except (msgspec.MsgspecError, UnicodeEncodeError):
            self.fail("offset")
        latest = self.context["received_at"] + schema.LATEST_AHEAD
        if not schema.EARLIEST_INSTANT <= instant <= latest:
            self.fail("implausible")
        return instant


class TextField(StrictCharField):
    """Text as it is: blanks are kept, and an empty text is one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_blank", True)
        super().__init__(trim_whitespace=False, **kwargs)


def _text(longest: int, **more: Any) -> TextField:
    return TextField(max_length=longest, required=False, allow_null=True, **more)


def _code(longest: int = 60) -> TextField:
    return TextField(max_length=longest, min_length=1, allow_blank=False)


def _choice(choices: Any) -> serializers.ChoiceField:
    return StrictChoiceField(choices=choices, required=False, allow_null=True)


def _instant() -> PhoneInstantField:
    return PhoneInstantField(required=False, allow_null=True)


class StrictChoiceField(serializers.ChoiceField):
    """One of the words; nothing that merely looks like one."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the word. Raises: ValidationError."""
        if not isinstance(data, str) or data == "":
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class PatternField(TextField):
    """Text of one form."""

    default_error_messages = {"form": _("This text does not have the form that it needs.")}

    def __init__(self, form: str, **kwargs: Any) -> None:
        self._form = re.compile(form)
        super().__init__(allow_blank=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the text. Raises: ValidationError."""
        text = super().to_internal_value(data)
        if self._form.search(text) is None:
            self.fail("form")
        return text


@extend_schema_field(_ANSWER)
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """A number, text, truth, or a short list of them; null for an item left open."""

    default_error_messages = {"invalid": _("An answer is a number, a text, a truth or a list.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the answer as it is. Raises: ValidationError."""
        parts = data if isinstance(data, list) else [data]
        if any(isinstance(part, list | dict) for part in parts):
            self.fail("invalid")
        return data


class NamedField(serializers.DictField):
    """An object whose names are items."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the object. Raises: ValidationError."""
        if isinstance(data, Mapping):
            if len(data) > schema.MOST_ANSWERS:
                self.fail("not_a_dict", input_type="too many")
            for name in data:
                if not 1 <= len(name) <= 60:
                    self.fail("not_a_dict", input_type="name")
        return super().to_internal_value(data)


@extend_schema_field(_SCALAR)
class ValueField(serializers.Field[Any, Any, Any, Any]):
    """A JSON number, a decimal string, a truth or a code."""

    default_error_messages = {"invalid": _("A value is a number, a text or a truth.")}

    def to_internal_value(self, data: Any) -> str:
        """Return the value's text. Raises: ValidationError."""
        if isinstance(data, bool):
            return "true" if data else "false"
        if not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        return str(data)


class ReadingSerializer(StrictSerializer):
    """One measurement."""

    code = _code()
    value = ValueField(required=False, allow_null=True)
    unit = _text(40, help_text="UCUM")
    measured_at = PhoneInstantField()
    reading_id = _text(100)
    comparator = _choice(Comparator.choices)
    panel = _text(60)
    position = _choice(Position.choices)
    body_site = _text(60)
    laterality = _text(20)
    method = _text(60)
    timepoint = _text(60)
    elapsed = PatternField(
        schema.DURATION_FORM,
        max_length=30,
        required=False,
        allow_null=True,
        help_text="ISO 8601 duration",
    )
    repeat = serializers.SerializerMethodField()
    fasting = _choice(YesNoUnknown.choices)
    device_id = _text(100)
    originator = _choice(Originator.choices)
    status = _choice(
        [choice for choice in ReadingStatus.choices if choice[0] != ReadingStatus.ENTERED_IN_ERROR]
    )
    not_done_reason = _text(200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Judge code, unit and value together. Raises: ValidationError."""
        form = form_of(
            attrs["code"],
            attrs.get("value"),
            attrs.get("unit") or "",
            attrs.get("comparator") or "",
            bool(attrs.get("not_done_reason")),
        )
        if form.code:
            detail = str(DETAILS.get(form.code, form.code))
            raise ValidationError({form.field: [ErrorDetail(detail, form.code)]})
        return attrs


@extend_schema_field({"oneOf": [{"type": "string", "maxLength": 20}, {"type": "integer"}]})
class RepeatField(serializers.Field[Any, Any, Any, Any]):
    """Which repeat of a measurement: a small number or a short text."""

    default_error_messages = {"invalid": _("A repeat is a small number or a short text.")}

    def to_internal_value(self, data: Any) -> str:
        """Return the repeat. Raises: ValidationError."""
        is_number = isinstance(data, int) and not isinstance(data, bool)
        if is_number and 0 <= data <= 1_000_000:
            return str(data)
        if not isinstance(data, str) or len(data) > 20:
            self.fail("invalid")
        return str(data)


ReadingSerializer._declared_fields["repeat"] = RepeatField(required=False, allow_null=True)


class EditSerializer(StrictSerializer):
    """An answer that was changed on the phone before it was sent."""

    item = _code()
    at = PhoneInstantField()

    def get_fields(self) -> dict[str, Any]:
        """Add what Python cannot name."""
        return {
            **super().get_fields(),
            "from": AnswerField(required=False),
            "to": AnswerField(required=False),
        }


class EproReportSerializer(StrictSerializer):
    """A diary report as a phone sends it. Its answers are judged by the instrument, later."""

    submission_id = StrictUUIDField()
    patient = StrictUUIDField()
    instrument = _code()
    instrument_version = _code(20)
    authored_at = PhoneInstantField()
    answers = NamedField(child=AnswerField())
    device_id = _text(100)
    originator = _choice(Originator.choices)
    vitals = serializers.ListField(
        child=ReadingSerializer(), max_length=schema.MOST_READINGS, required=False, allow_null=True
    )
    started_at = _instant()
    completed_at = _instant()
    saved_at = _instant()
    time_zone = PatternField(
        schema.ZONE_FORM, max_length=64, required=False, allow_null=True, help_text="IANA"
    )
    language = _text(20)
    app_version = _text(40)
    device_clock_offset_ms = StrictIntegerField(
        min_value=-(2**53), max_value=2**53, required=False, allow_null=True
    )
    assignment_id = StrictUUIDField(required=False, allow_null=True)
    originator_person = _text(200)
    originator_reason = _text(200)
    missing = NamedField(
        child=StrictChoiceField(
            choices=[c for c in MissingReason.choices if c[0] != MissingReason.NOT_ANSWERED]
        ),
        required=False,
        allow_null=True,
    )
    edits = serializers.ListField(
        child=EditSerializer(), max_length=schema.MOST_ANSWERS, required=False, allow_null=True
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask whoever writes for the participant why. Raises: ValidationError."""
        originator = attrs.get("originator") or "participant"
        if originator not in schema.SPEAKS_FOR_ITSELF and not attrs.get("originator_reason"):
            detail = str(DETAILS["required"])
            raise ValidationError({"originator_reason": [ErrorDetail(detail, "required")]})
        return attrs


class VitalsUploadSerializer(StrictSerializer):
    """Readings of one patient; a bedside gateway names the device of each instead."""

    submission_id = StrictUUIDField()
    patient = StrictUUIDField(required=False, allow_null=True)
    readings = serializers.ListField(
        child=ReadingSerializer(), min_length=1, max_length=schema.MOST_READINGS
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for the patient, or for the device of every reading. Raises: ValidationError."""
        is_named = all(reading.get("device_id") for reading in attrs["readings"])
        if not attrs.get("patient") and not is_named:
            detail = str(DETAILS["required"])
            raise ValidationError({"patient": [ErrorDetail(detail, "required")]})
        return attrs


class BatchSerializer(StrictSerializer):
    """Reports kept while offline; each is judged alone, so that any JSON value may stand here."""

    reports = serializers.ListField(child=serializers.JSONField(), max_length=schema.MOST_REPORTS)


class WarningSerializer(serializers.Serializer[Any]):
    """What is odd about a part that was stored all the same."""

    pointer = serializers.CharField()
    code = serializers.CharField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """The answer to an upload that is on disk."""

    id = serializers.UUIDField()
    submission_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ReportStatus.choices)
    received_at = serializers.DateTimeField()
    status_url = serializers.CharField()
    warnings = WarningSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    """What became of one report of a batch."""

    submission_id = serializers.UUIDField(allow_null=True)
    status = serializers.IntegerField(min_value=202, max_value=503)
    receipt = ReceiptSerializer(required=False)
    problem = serializers.DictField(required=False)


class VerdictsSerializer(serializers.Serializer[Any]):
    """What became of each report, in order."""

    results = VerdictSerializer(many=True)


class StatusSerializer(serializers.Serializer[Any]):
    """How far a report has come."""

    id = serializers.UUIDField()
    submission_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ReportStatus.choices)
    disposition = serializers.ChoiceField(choices=Disposition.choices)
    received_at = serializers.DateTimeField()
    attempts = serializers.IntegerField(required=False, help_text="Staff only")
    last_error = serializers.CharField(required=False, help_text="Staff only")
    alerts = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="Staff only"
    )
