"""Results as text: a decimal, perhaps with a comparator. `<3.42` never becomes 3.42.

Source: domain rule "nothing is invented"; SDTMIG 6.3 (--ORRES, --STRESC, --STRESN).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_FORM = re.compile(
    r"(?P<comparator><=|>=|≤|≥|<|>)?\s*(?P<value>[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
    r"(?:[eE][+-]?[0-9]{1,2})?)"
)
_PLAIN = {"≤": "<=", "≥": ">="}


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal as given, and the comparator that stood before it ("" for none)."""

    value: Decimal
    comparator: str = ""


# Typed: 1, 1.0 and True are equal, and only two of them are numbers.
@lru_cache(maxsize=1 << 16, typed=True)
def read_number(given: str | float | Decimal | None) -> Number | None:
    """Read a result; None when it is blank or not a number (`NEGATIVE`, `N`, `TRACE`)."""
    if given is None or isinstance(given, bool):
        return None
    match = _FORM.fullmatch(str(given).strip())
    if match is None:
        return None
    comparator = match["comparator"] or ""
    return Number(Decimal(match["value"]), _PLAIN.get(comparator, comparator))


@lru_cache(maxsize=1 << 16, typed=True)
def read_decimal(given: str | float | Decimal | None) -> Decimal | None:
    """Read a number that stands for itself; None with a comparator, text or blank."""
    number = read_number(given)
    return number.value if number is not None and not number.comparator else None


def text_of(given: str | float | bool | None) -> str:
    """Return a cell as text, blank for missing; whole numbers without a decimal point."""
    return "" if given is None else str(given).strip()
