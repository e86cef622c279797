"""Vital signs as given to canonical: one function for intake, pipeline, staff entry and import.

Form refuses, content flags: an unknown code, a unit of another dimension and what is no finite
decimal raise; a value outside physical limits is converted and flagged `implausible`.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from patients.rules.units import Conversion
from patients.rules.units import cdisc as _cdisc
from patients.rules.vital_table import VITAL_CODES, Kind, VitalMeasure

IMPLAUSIBLE = "implausible"
COMPARATORS = ("", "<", ">")

# ASCII digits only: "١٢" is 12 to Python, and not to the next reader.
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?"
)


class NotAMeasurement(ValueError):
    """A reading is refused for its form; `field` is the part of the reading that is wrong."""

    def __init__(self, *, code: str, field: str, detail: str) -> None:
        self.code, self.field, self.detail = code, field, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Canonical:
    """A value in the code's canonical unit: a number with `unit`, or a `coded_value`."""

    value: Decimal | None
    unit: str
    coded_value: str = ""
    factor: str = ""
    flags: tuple[str, ...] = ()

    @property
    def is_implausible(self) -> bool:
        """Whether the value is outside physical limits: stored and told, never scored."""
        return IMPLAUSIBLE in self.flags


def canonical(code: str, value_text: str, unit: str, comparator: str = "") -> Canonical:
    """Read one reading's value and convert it to the canonical unit of its code.

    Raises: NotAMeasurement with the code `unknown_code`, `unknown_unit`, `unknown_value`,
    `unknown_comparator` or `not_a_finite_decimal`.
    """
    measure = measure_of(code)
    if measure.is_numeric:
        if _DECIMAL.fullmatch(value_text) is None:
            detail = "A decimal number is needed, such as 36.6."
            raise NotAMeasurement(code="not_a_finite_decimal", field="value", detail=detail)
        return convert(code, Decimal(value_text), unit, comparator)
    _conversion(measure, unit)
    if comparator:
        detail = "A coded value has no comparator."
        raise NotAMeasurement(code="unknown_comparator", field="comparator", detail=detail)
    if value_text not in measure.values:
        detail = f"One of {', '.join(measure.values)} is needed."
        raise NotAMeasurement(code="unknown_value", field="value", detail=detail)
    return Canonical(None, "", value_text)


def convert(code: str, value: Decimal, unit: str, comparator: str = "") -> Canonical:
    """Convert a finite number to the canonical unit of its code, unrounded, and flag it.

    Raises: NotAMeasurement as `canonical` does.
    """
    measure = measure_of(code)
    conversion = _conversion(measure, unit)
    if comparator not in COMPARATORS:
        detail = "A comparator is < or >."
        raise NotAMeasurement(code="unknown_comparator", field="comparator", detail=detail)
    converted = conversion.apply(value)
    flags = () if _is_possible(measure, converted, comparator) else (IMPLAUSIBLE,)
    return Canonical(converted, measure.unit, "", conversion.text, flags)


def cdisc_unit(code: str, unit: str) -> str:
    """Return the CDISC spelling of a code's unit; a rate is named by what is counted."""
    measure = VITAL_CODES.get(code)
    if measure is not None and measure.cdisc_unit and unit == measure.unit:
        return measure.cdisc_unit
    return _cdisc(unit)


def measure_of(code: str) -> VitalMeasure:
    """Return the row of a code; raise NotAMeasurement when there is none."""
    measure = VITAL_CODES.get(code)
    if measure is None:
        detail = "There is no vital sign with this code."
        raise NotAMeasurement(code="unknown_code", field="code", detail=detail)
    return measure


def _conversion(measure: VitalMeasure, unit: str) -> Conversion:
    conversion = measure.conversion(unit)
    if conversion is None:
        accepted = ", ".join(measure.accepts)
        detail = f"The unit is one of {accepted}." if measure.unit else "This value has no unit."
        raise NotAMeasurement(code="unknown_unit", field="unit", detail=detail)
    return conversion


def _is_possible(measure: VitalMeasure, value: Decimal, comparator: str) -> bool:
    """Whether some value that the reading allows lies inside the physical limits."""
    if measure.kind is Kind.INTEGER and value != value.to_integral_value():
        return False
    low, high = measure.low, measure.high
    if low is not None and (value < low or (comparator == "<" and value <= low)):
        return comparator == ">"
    if high is not None and (value > high or (comparator == ">" and value >= high)):
        return comparator == "<"
    return True
