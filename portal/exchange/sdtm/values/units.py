"""Units: CDISC names to UCUM, and the canonical unit of each vital sign with its exact factor.

canonical = (given - offset) * factor. Nothing is rounded here: rounding is for display and scores.
Source: UCUM; CDISC CT codelists UNIT and VSRESU; the international pound and inch of 1959 are
exact; UCUM defines m[Hg] as 133.3220 kPa.
"""

from dataclasses import dataclass
from decimal import Decimal

# CDISC writes the same rate per what is counted; UCUM does not name what is counted.
UCUM_OF: dict[str, str] = {
    "beats/min": "/min",
    "BEATS/MIN": "/min",
    "breaths/min": "/min",
    "BREATHS/MIN": "/min",
    "bpm": "/min",
    "/min": "/min",
    "mmHg": "mm[Hg]",
    "mm[Hg]": "mm[Hg]",
    "kPa": "kPa",
    "C": "Cel",
    "Cel": "Cel",
    "F": "[degF]",
    "[degF]": "[degF]",
    "kg": "kg",
    "g": "g",
    "LB": "[lb_av]",
    "lb": "[lb_av]",
    "[lb_av]": "[lb_av]",
    "cm": "cm",
    "m": "m",
    "in": "[in_i]",
    "IN": "[in_i]",
    "[in_i]": "[in_i]",
    "kg/m2": "kg/m2",
    "%": "%",
    "mmol/L": "mmol/L",
    "umol/L": "umol/L",
    "pmol/L": "pmol/L",
    "mg/dL": "mg/dL",
    "g/dL": "g/dL",
    "g/L": "g/L",
    "ng/L": "ng/L",
    "U/L": "U/L",
    "mEq/L": "meq/L",
    "mIU/L": "m[IU]/L",
    "mU/L": "mU/L",
}
CDISC_OF: dict[str, str] = {
    "mm[Hg]": "mmHg",
    "Cel": "C",
    "[degF]": "F",
    "[lb_av]": "LB",
    "[in_i]": "in",
    "meq/L": "mEq/L",
    "m[IU]/L": "mIU/L",
}
_RATES = {"heart_rate": "beats/min", "pulse_rate": "beats/min", "respiratory_rate": "breaths/min"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one unit becomes another."""

    to_unit: str
    factor: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)

    @property
    def changes_unit(self) -> bool:
        """Whether the value is written in another unit afterwards."""
        return self.factor != 1 or self.offset != 0


@dataclass(frozen=True, slots=True)
class Canonical:
    """A value in its canonical unit, with the conversion that led there."""

    value: Decimal
    unit: str
    given_unit: str
    conversion: Conversion


_PER_MINUTE = {"/min": Conversion("/min")}
_PRESSURE = {
    "mm[Hg]": Conversion("mm[Hg]"),
    "kPa": Conversion("mm[Hg]", factor=1 / Decimal("0.133322")),
}
ACCEPTED: dict[str, dict[str, Conversion]] = {
    "heart_rate": _PER_MINUTE,
    "pulse_rate": _PER_MINUTE,
    "respiratory_rate": _PER_MINUTE,
    "systolic_bp": _PRESSURE,
    "diastolic_bp": _PRESSURE,
    "mean_arterial_pressure": _PRESSURE,
    "spo2": {"%": Conversion("%")},
    "temperature": {
        "Cel": Conversion("Cel"),
        "[degF]": Conversion("Cel", factor=Decimal(5) / Decimal(9), offset=Decimal(32)),
    },
    "weight": {
        "kg": Conversion("kg"),
        "g": Conversion("kg", factor=Decimal("0.001")),
        "[lb_av]": Conversion("kg", factor=Decimal("0.45359237")),
    },
    "height": {
        "cm": Conversion("cm"),
        "m": Conversion("cm", factor=Decimal(100)),
        "[in_i]": Conversion("cm", factor=Decimal("2.54")),
    },
    "bmi": {"kg/m2": Conversion("kg/m2")},
    "blood_glucose": {
        "mmol/L": Conversion("mmol/L"),
        "mg/dL": Conversion("mmol/L", factor=1 / Decimal("18.016")),
    },
}


def ucum(cdisc_unit: str) -> str:
    """Return the UCUM unit for a CDISC one; an unknown unit is returned as given."""
    return UCUM_OF.get(cdisc_unit, cdisc_unit)


def cdisc(ucum_unit: str, code: str = "") -> str:
    """Return the CDISC unit for a UCUM one; a rate per minute is named by what is counted."""
    if ucum_unit == "/min":
        return _RATES.get(code, "/min")
    return CDISC_OF.get(ucum_unit, ucum_unit)


def to_canonical(code: str, value: Decimal, cdisc_unit: str) -> Canonical | None:
    """Convert a vital sign to its canonical unit; None when the unit is not accepted for it.

    Units: the value is in `cdisc_unit`, the answer in the code's UCUM unit.
    """
    given_unit = ucum(cdisc_unit)
    conversion = ACCEPTED.get(code, {}).get(given_unit)
    if conversion is None:
        return None
    converted = (value - conversion.offset) * conversion.factor
    if conversion.offset:
        # 5/9 has no finite decimal: multiply and divide the value, not the rounded factor.
        converted = (value - conversion.offset) * 5 / 9
    return Canonical(converted, conversion.to_unit, given_unit, conversion)
