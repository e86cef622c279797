"""SDTM --DTC values: ISO 8601 of any precision, kept as given.

Source: SDTMIG 4.4.1 to 4.4.3 (missing parts, intervals of uncertainty).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from portal.core.partial_dates import Answer, NotADate, PartialDateTime

_LOOKS_LIKE_DATE = re.compile(r"[\d-]{1,10}(T[\d:.+Z-]+)?")
# Dates without a zone that belong to one patient were written in one place: they compare as if in
# one zone, whichever it was. UTC has no clock changes, so it adds no doubt of its own.
_SAME_PLACE = "UTC"


class DateProblem(StrEnum):
    """Why a --DTC value could not become a date."""

    INTERVAL = "interval"
    DURATION = "duration"
    IMPOSSIBLE = "impossible"
    NOT_ISO_8601 = "not_iso_8601"


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date, or the reason why there is none; both None for a blank value."""

    value: PartialDateTime | None
    problem: DateProblem | None = None


@lru_cache(maxsize=1 << 16)
def read_date(text: str, zone: str | None = None) -> DateReading:
    """Read one --DTC value. Nothing is filled in: no time, no zone, no missing part."""
    text = text.strip()
    if not text:
        return DateReading(None)
    if "/" in text:
        return DateReading(None, DateProblem.INTERVAL)
    if text.startswith(("P", "-P")):
        return DateReading(None, DateProblem.DURATION)
    try:
        return DateReading(PartialDateTime(text, zone))
    except NotADate:
        shaped = _LOOKS_LIKE_DATE.fullmatch(text)
        return DateReading(None, DateProblem.IMPOSSIBLE if shaped else DateProblem.NOT_ISO_8601)


def is_before(first: PartialDateTime | None, second: PartialDateTime | None) -> Answer:
    """Whether `first` lies before `second`, both written at the same place; tri-state."""
    if first is None or second is None:
        return Answer.CANNOT_TELL
    return _placed(first).is_before(_placed(second))


@lru_cache(maxsize=1 << 16)
def study_day(date: PartialDateTime | None, reference: PartialDateTime | None) -> int | None:
    """Return the study day, which has no day 0; None unless both calendar days are known.

    Source: SDTMIG 4.4.4. Units: days.
    """
    if date is None or reference is None or date.is_partial or reference.is_partial:
        return None
    first, second = _placed(_day(reference)).earliest, _placed(_day(date)).earliest
    if first is None or second is None:
        return None
    days = (second - first).days
    return days + 1 if days >= 0 else days


@lru_cache(maxsize=1 << 16)
def _placed(date: PartialDateTime) -> PartialDateTime:
    if date.zone is not None or date.parts["offset"] is not None:
        return date
    return PartialDateTime(date.text, _SAME_PLACE)


@lru_cache(maxsize=1 << 16)
def _day(date: PartialDateTime) -> PartialDateTime:
    return PartialDateTime(date.text.partition("T")[0], _SAME_PLACE)
