"""Model fields of our own."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func
from django.utils.translation import gettext_lazy as _

from portal.core.partial_dates import NotADate, PartialDateTime


class PartialDateTimeFormField(forms.CharField):
    """A text box for a date of any precision."""

    default_error_messages = {
        "invalid": _("Write 2013, 2013-05, 2013-05-17 or 2013-05-17T08:30+02:00.")
    }

    def to_python(self, value: Any) -> Any:
        """Return the date, or None for an empty box."""
        if isinstance(value, PartialDateTime) or value is None:
            return value
        text = super().to_python(value)
        if not text:
            return None
        try:
            return PartialDateTime.from_stored(text)
        except NotADate:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None

    def prepare_value(self, value: Any) -> Any:
        """Show the stored form, zone included."""
        return value.stored if isinstance(value, PartialDateTime) else value


class PartialDateTimeField(models.Field):
    """One text column: the date as given and, in brackets, its zone when known (ADR 0006).

    Lookups on the field compare text; compare instants through EarliestField and LatestField.
    """

    description = "A date of any ISO 8601 precision"

    def db_type(self, connection: Any) -> str:
        """Return the column type."""
        return "text"

    def from_db_value(self, value: str | None, *_: Any) -> PartialDateTime | None:
        """Read the stored form."""
        return None if value is None else PartialDateTime.from_stored(value)

    def to_python(self, value: Any) -> PartialDateTime | None:
        """Accept a PartialDateTime or its stored form. Raises: ValidationError."""
        if value is None or isinstance(value, PartialDateTime):
            return value
        try:
            return PartialDateTime.from_stored(str(value))
        except NotADate as error:
            raise ValidationError(error.detail, code="invalid") from None

    def get_prep_value(self, value: Any) -> str | None:
        """Write the stored form."""
        value = self.to_python(value)
        return None if value is None else value.stored

    def value_to_string(self, obj: models.Model) -> str:
        """Serialize the stored form."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> Any:
        """Return a text box that understands partial dates."""
        return super().formfield(**{"form_class": PartialDateTimeFormField, **kwargs})


class _BoundField(models.GeneratedField):
    """An instant generated from a PartialDateTimeField; NULL where it has no bound."""

    function = ""

    def __init__(self, of: str = "", **kwargs: Any) -> None:
        self.of = of
        super().__init__(
            expression=Func(F(of), function=self.function),
            output_field=models.DateTimeField(null=True),
            db_persist=True,
        )

    def deconstruct(self) -> Any:
        """Serialize the name of the field that it bounds."""
        name, path, _args, _kwargs = super().deconstruct()
        return name, path, [], {"of": self.of}


class EarliestField(_BoundField):
    """The earliest instant that the date `of` may mean: lists order and filter by it."""

    function = "partial_earliest"


class LatestField(_BoundField):
    """The latest instant that the date `of` may mean."""

    function = "partial_latest"
