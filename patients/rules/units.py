"""Units: CDISC spellings to UCUM and back, and exact conversions.

Source: UCUM; CDISC CT codelists UNIT and VSRESU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

# Wider than any input, so that only a division rounds, far behind what anybody measures.
_ARITHMETIC = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Conversion:
    """canonical = (given - subtract) * times / over, all exact decimals."""

    times: Decimal = Decimal(1)
    over: Decimal = Decimal(1)
    subtract: Decimal = Decimal(0)

    @property
    def text(self) -> str:
        """The factor as it is stored with the value; "" for the canonical unit itself."""
        if self.subtract:
            return f"(x - {self.subtract}) * {self.times}/{self.over}"
        if self.over != 1:
            return f"{self.times}/{self.over}"
        return "" if self.times == 1 else str(self.times)

    def apply(self, value: Decimal) -> Decimal:
        """Convert a value, unrounded to 60 digits."""
        arithmetic = _ARITHMETIC
        if self.subtract:
            value = arithmetic.subtract(value, self.subtract)
        if self.times != 1:
            value = arithmetic.multiply(value, self.times)
        return value if self.over == 1 else arithmetic.divide(value, self.over)

    def invert(self, value: Decimal) -> Decimal:
        """Return what would have been given in this unit for a canonical value."""
        arithmetic = _ARITHMETIC
        given = arithmetic.divide(arithmetic.multiply(value, self.over), self.times)
        return arithmetic.add(given, self.subtract)


SAME = Conversion()


# CDISC writes a rate by what is counted; UCUM does not name what is counted.
UCUM_OF: Mapping[str, str] = {
    "beats/min": "/min",
    "BEATS/MIN": "/min",
    "breaths/min": "/min",
    "BREATHS/MIN": "/min",
    "bpm": "/min",
    "mmHg": "mm[Hg]",
    "C": "Cel",
    "F": "[degF]",
    "LB": "[lb_av]",
    "lb": "[lb_av]",
    "in": "[in_i]",
    "IN": "[in_i]",
    "mEq/L": "meq/L",
    "mIU/L": "m[IU]/L",
}
CDISC_OF: Mapping[str, str] = {
    "mm[Hg]": "mmHg",
    "Cel": "C",
    "[degF]": "F",
    "[lb_av]": "LB",
    "[in_i]": "in",
    "meq/L": "mEq/L",
    "m[IU]/L": "mIU/L",
}


def ucum(unit: str) -> str:
    """Return the UCUM unit for a CDISC spelling; any other unit is returned as given."""
    return UCUM_OF.get(unit, unit)


def cdisc(unit: str) -> str:
    """Return the CDISC spelling of a UCUM unit; any other unit is returned as given."""
    return CDISC_OF.get(unit, unit)
