"""Results that contradict each other or nature, and keys that repeat: pure predicates."""

from collections.abc import Sequence
from decimal import Decimal

from portal.core.partial_dates import PartialDateTime
from portal.exchange.sdtm.values.dates import study_day

# Edit checks on body weight commonly ask from 10 % between two visits.
WEIGHT_JUMP = Decimal("0.10")
# The file's own conversion may have used a rounded factor; more than this is another value.
STANDARD_RESULT_TOLERANCE = Decimal("0.001")


def is_implausible_jump(before: Decimal, after: Decimal, limit: Decimal = WEIGHT_JUMP) -> bool:
    """Whether two readings of one subject differ by `limit` of the first, or more."""
    return before > 0 and abs(after - before) >= limit * before


def is_diastolic_not_below_systolic(systolic: Decimal, diastolic: Decimal) -> bool:
    """Whether one cuff reading contradicts itself. Units: mm[Hg]."""
    return diastolic >= systolic


def standard_result_differs(expected: Decimal, stated: Decimal) -> bool:
    """Whether the file's standard result is not ours, beyond its own rounding."""
    exponent = stated.as_tuple().exponent
    half_digit = Decimal(1).scaleb(exponent) / 2 if isinstance(exponent, int) else Decimal(0)
    allowed = half_digit + abs(expected) * STANDARD_RESULT_TOLERANCE
    return abs(expected - stated) > allowed


def range_indicator(value: Decimal, low: Decimal | None, high: Decimal | None) -> str:
    """Return LOW, NORMAL or HIGH against a reference range; "" without a range."""
    if low is None and high is None:
        return ""
    if low is not None and value < low:
        return "LOW"
    if high is not None and value > high:
        return "HIGH"
    return "NORMAL" if low is not None and high is not None else ""


def study_day_differs(
    stated: int | None, date: PartialDateTime | None, reference: PartialDateTime | None
) -> bool:
    """Whether a stated study day is not the one that the dates give."""
    computed = study_day(date, reference)
    return stated is not None and computed is not None and stated != computed


def repeated_keys(keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the (subject, sequence) keys that occur more than once."""
    seen: set[tuple[str, str]] = set()
    return {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]
