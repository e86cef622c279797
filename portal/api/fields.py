"""Serializer fields that take a value as it is or refuse it; nothing is coerced."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.core import clock
from portal.core.partial_dates import NotADate, PartialDateTime

_ASCII_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EARLIEST_INSTANT = datetime(1880, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=1)
_FARTHEST_AHEAD = timedelta(days=36_525)
_WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class StrictIntegerField(serializers.IntegerField):
    """A JSON whole number: not true, not 1.0, not "12"."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises: ValidationError."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class StrictDecimalField(serializers.DecimalField):
    """A JSON number, or a decimal string in ASCII digits; never through a float."""

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the number with every digit. Raises: ValidationError."""
        is_text = isinstance(data, str) and _ASCII_DECIMAL.fullmatch(data)
        if isinstance(data, bool) or not (is_text or isinstance(data, int | Decimal)):
            self.fail("invalid")
        return Decimal(super().to_internal_value(data))

    def quantize(self, value: Decimal) -> Decimal:
        """Keep the digits as they were given."""
        return value


class StrictBooleanField(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the truth. Raises: ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictCharField(serializers.CharField):
    """A JSON string, kept as given: a number is not text."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text. Raises: ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictUUIDField(serializers.UUIDField):
    """A UUID in its canonical form."""

    def to_internal_value(self, data: Any) -> UUID:
        """Return the id. Raises: ValidationError."""
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return UUID(data)


class InstantField(serializers.DateTimeField):
    """An instant with its offset, no earlier than people lived and at most a day ahead."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "offset": _("An instant needs its offset, such as 2026-11-20T08:00:00+08:00."),
        "implausible": _("This instant cannot be meant."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant in UTC. Raises: ValidationError."""
        if not isinstance(value, str) or not value.isascii() or not _OFFSET.search(value):
            self.fail("offset")
        try:
            instant: datetime = super().to_internal_value(value)
        except OverflowError:
            self.fail("implausible")
        if not EARLIEST_INSTANT <= instant <= clock.now() + LATEST_AHEAD:
            self.fail("implausible")
        return instant


class UntilField(InstantField):
    """An instant that may lie ahead; the service judges whether it can be meant."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant in UTC. Raises: ValidationError."""
        if not isinstance(value, str) or not value.isascii() or not _OFFSET.search(value):
            self.fail("offset")
        try:
            instant: datetime = serializers.DateTimeField.to_internal_value(self, value)
        except OverflowError:
            self.fail("implausible")
        if not EARLIEST_INSTANT <= instant <= clock.now() + _FARTHEST_AHEAD:
            self.fail("implausible")
        return instant


class StrictDateField(serializers.DateField):
    """A whole day, YYYY-MM-DD, within the time that people lived and a hundred years ahead."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "implausible": _("This day cannot be meant."),
    }

    def to_internal_value(self, value: Any) -> date:
        """Return the day. Raises: ValidationError."""
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DD")
        day: date = super().to_internal_value(value)
        last = (clock.now() + _FARTHEST_AHEAD).date()
        if not EARLIEST_INSTANT.date() <= day <= last:
            self.fail("implausible")
        return day


@extend_schema_field(
    {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$", "example": "08:00"}
)
class WallTimeField(serializers.TimeField):
    """A time of day by some wall's clock: it has no offset, and no instant is meant."""

    default_error_messages = {"invalid": _("Write a time of day as hours and minutes: 08:00.")}

    def to_internal_value(self, value: Any) -> time:
        """Return the time. Raises: ValidationError."""
        if not isinstance(value, str) or _WALL_TIME.fullmatch(value) is None:
            self.fail("invalid")
        return time.fromisoformat(value)


@extend_schema_field({"$ref": "#/components/schemas/PartialDateTime"})
class PartialDateTimeField(serializers.Field[Any, Any, str, Any]):
    """A clinical date of any precision, as a bare ISO string."""

    def to_internal_value(self, data: Any) -> PartialDateTime:
        """Return the date. Raises: ValidationError."""
        if not isinstance(data, str) or not data.isascii():
            raise serializers.ValidationError(NotADate().detail, code=NotADate.code)
        try:
            return PartialDateTime(data)
        except NotADate as error:
            raise serializers.ValidationError(error.detail, code=error.code) from None

    def to_representation(self, value: PartialDateTime) -> str:
        """Return the text as given."""
        return value.text


class PlausibleDateField(PartialDateTimeField):
    """A clinical date within the time that people lived and at most a day ahead (F83)."""

    def to_internal_value(self, data: Any) -> PartialDateTime:
        """Return the date. Raises: ValidationError."""
        said = super().to_internal_value(data)
        too_early = said.latest is not None and said.latest < EARLIEST_INSTANT
        latest = clock.now() + LATEST_AHEAD
        if too_early or (said.earliest is not None and said.earliest > latest):
            message = str(InstantField.default_error_messages["implausible"])
            raise serializers.ValidationError(message, code="implausible")
        return said


STRICT: Mapping[type[serializers.Field[Any, Any, Any, Any]], Any] = {
    serializers.IntegerField: StrictIntegerField,
    serializers.DecimalField: StrictDecimalField,
    serializers.BooleanField: StrictBooleanField,
    serializers.CharField: StrictCharField,
    serializers.UUIDField: StrictUUIDField,
    serializers.DateTimeField: InstantField,
    serializers.DateField: StrictDateField,
}


class StrictSerializer(serializers.Serializer[Any]):
    """A body: its fields and no others."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "unknown_field": _("There is no such field here."),
    }

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked body. Raises: ValidationError with `unknown_field`."""
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [name for name in data if name not in known]
            if unknown:
                message = str(self.error_messages["unknown_field"])
                raise serializers.ValidationError(
                    {name: [serializers.ErrorDetail(message, "unknown_field")] for name in unknown}
                )
        return super().to_internal_value(data)
