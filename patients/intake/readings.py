"""The form of one reading: code, unit and value together, by the table of vital signs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from patients.rules.vital_codes import IMPLAUSIBLE, NotAMeasurement, canonical, measure_of

CLOCK_SUSPECT = "clock_suspect"
CLOCK_TOLERANCE = timedelta(minutes=2)

DETAILS: Mapping[str, Any] = {
    "required": _("This field is required."),
    "unknown_code": _("There is no vital sign with this code."),
    "unknown_unit": _("This unit does not belong to this vital sign."),
    "unknown_value": _("This is not one of the values of this vital sign."),
    "unknown_comparator": _("This value takes no such comparator."),
    "not_a_finite_decimal": _("A decimal number is needed, such as 36.6."),
    "value_of_a_reading_not_done": _("A reading that was not done has no value."),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What is wrong with a reading (`field` and `code`), or how its value is flagged."""

    field: str = ""
    code: str = ""
    is_implausible: bool = False


@lru_cache(maxsize=65_536)
def form_of(code: str, value: str | None, unit: str, comparator: str, not_done: bool) -> Form:
    """Judge the form of a reading; monitors send the same few thousand over and over.

    Source: domain.md 1 (form refuses, content flags) and 7.
    """
    if not_done:
        if value is not None:
            return Form("value", "value_of_a_reading_not_done")
        return _not_done(code)
    if value is None:
        return Form("value", "required")
    try:
        found = canonical(code, value, unit, comparator)
    except NotAMeasurement as error:
        return Form(error.field, error.code)
    return Form(is_implausible=IMPLAUSIBLE in found.flags)


def _not_done(code: str) -> Form:
    try:
        measure_of(code)
    except NotAMeasurement as error:
        return Form(error.field, error.code)
    return Form()


def is_ahead(at: datetime, received_at: datetime) -> bool:
    """Whether a clock said a time that had not come when the portal received it."""
    return at - received_at > CLOCK_TOLERANCE


def warnings_of(
    place: str, form: Form, measured_at: datetime, received_at: datetime
) -> Iterator[tuple[str, str]]:
    """Yield (pointer, code) of what is odd about a reading that is stored all the same."""
    if form.is_implausible:
        yield f"{place}/value", IMPLAUSIBLE
    if is_ahead(measured_at, received_at):
        yield f"{place}/measured_at", CLOCK_SUSPECT
