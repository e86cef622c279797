"""Clinical dates as they are: any ISO 8601 precision, with missing parts, zone known or unknown.

Source: ISO 8601-1, SDTMIG 4.4.2 (a missing middle part is a hyphen: `2003---15`).
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.core.errors import InvalidInput

_FORM = re.compile(
    r"(?P<year>\d{4}|-)(?:-(?P<month>\d{2}|-)(?:-(?P<day>\d{2}|-))?)?"
    r"(?:T(?P<hour>\d{2}|-)(?::(?P<minute>\d{2}|-)(?::(?P<second>\d{2})(?P<fraction>\.\d{1,6})?)?)?"
    r"(?P<offset>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_ZONE_SPREAD_EAST = timedelta(hours=14)
_ZONE_SPREAD_WEST = timedelta(hours=12)


class NotADate(InvalidInput):
    """This is not a date: write 2013, 2013-05, 2013-05-17 or 2013-05-17T08:30+02:00."""

    code = "invalid_date"


class Answer(StrEnum):
    """What a comparison of partial dates can say."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"


class Precision(StrEnum):
    """The finest part that is stated without a gap before it."""

    NONE = "none"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"


_PARTS = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True)
class PartialDateTime:
    """A clinical date: `text` as given, and the IANA `zone` of the place, None when unknown.

    `earliest` and `latest` bound the instants that it may mean (UTC; None: unbounded). A date whose
    zone is unknown may have been anywhere on Earth, so its bounds are wider.
    Raises: NotADate.
    """

    text: str
    zone: str | None = None

    def __post_init__(self) -> None:
        match = _FORM.fullmatch(self.text)
        if match is None or not any(match[part] not in (None, "-") for part in _PARTS):
            raise NotADate()
        if self.zone is not None and not _is_zone(self.zone):
            raise NotADate(
                "%(zone)s is not an IANA time zone such as Europe/Paris.", zone=self.zone
            )
        try:
            self._bound(last=False)
            self._bound(last=True)
        except (ValueError, OverflowError):
            raise NotADate() from None

    @classmethod
    def from_stored(cls, value: str) -> Self:
        """Read the stored form: the text, then the zone in brackets where it is known."""
        text, bracket, zone = value.partition("[")
        return cls(text, zone.removesuffix("]") if bracket else None)

    @classmethod
    def at(cls, instant: datetime, zone: str | None = None) -> Self:
        """Return the full date and time of an aware instant, in `zone` or UTC."""
        local = instant.astimezone(ZoneInfo(zone) if zone else UTC)
        return cls(local.isoformat(timespec="seconds").replace("+00:00", "Z"), zone)

    @property
    def stored(self) -> str:
        """The stored form, which `from_stored` reads."""
        return f"{self.text}[{self.zone}]" if self.zone else self.text

    @cached_property
    def parts(self) -> dict[str, str | None]:
        """Each stated part as text; None where it is missing."""
        match = _FORM.fullmatch(self.text)
        assert match is not None
        return {
            name: None if value in (None, "-") else value
            for name, value in match.groupdict().items()
        }

    @cached_property
    def precision(self) -> Precision:
        """How fine the date is."""
        precision = Precision.NONE
        for part in _PARTS:
            if self.parts[part] is None:
                break
            precision = Precision(part)
        return precision

    @property
    def is_partial(self) -> bool:
        """Whether the calendar day is not fully known."""
        return self.precision in (Precision.NONE, Precision.YEAR, Precision.MONTH)

    @cached_property
    def earliest(self) -> datetime | None:
        """The earliest instant that it may mean."""
        return self._bound(last=False)

    @cached_property
    def latest(self) -> datetime | None:
        """The latest instant that it may mean."""
        return self._bound(last=True)

    def is_before(self, other: Self) -> Answer:
        """Whether it lies before `other` entirely: yes, no or cannot_tell."""
        if self.latest and other.earliest and self.latest < other.earliest:
            return Answer.YES
        if self.earliest and other.latest and self.earliest >= other.latest:
            return Answer.NO
        return Answer.CANNOT_TELL

    def is_after(self, other: Self) -> Answer:
        """Whether it lies after `other` entirely: yes, no or cannot_tell."""
        return other.is_before(self)

    def __str__(self) -> str:
        return self.text

    def _bound(self, *, last: bool) -> datetime | None:
        naive = _fill(self.parts, last=last)
        if naive is None:
            return None
        offset = self.parts["offset"]
        if offset is not None:
            return datetime.fromisoformat(naive.isoformat() + offset).astimezone(UTC)
        if self.zone is not None:
            zone = ZoneInfo(self.zone)
            first = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
            return max(first, naive.replace(tzinfo=zone, fold=1).astimezone(UTC)) if last else first
        spread = _ZONE_SPREAD_WEST if last else -_ZONE_SPREAD_EAST
        return naive.replace(tzinfo=UTC) + spread


def _fill(parts: dict[str, str | None], *, last: bool) -> datetime | None:
    """Fill the missing parts with their first or last value; None without a year."""
    if parts["year"] is None:
        return None
    year = int(parts["year"])
    month = int(parts["month"] or (12 if last else 1))
    month_end = calendar.monthrange(year, month)[1]
    day = int(parts["day"] or (month_end if last else 1))
    hour = int(parts["hour"] or (23 if last else 0))
    minute = int(parts["minute"] or (59 if last else 0))
    second = int(parts["second"] or (59 if last else 0))
    fraction = (parts["fraction"] or ("." + "9" * 6 if last else ".0"))[1:].ljust(6, "0")
    # Naive on purpose: the zone, or that it is unknown, is applied by the caller.
    return datetime(year, month, day, hour, minute, second, int(fraction))  # noqa: DTZ001


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def parse(value: Any, *, zone: str | None = None) -> PartialDateTime:
    """Read what a client sent. Raises: NotADate."""
    if not isinstance(value, str):
        raise NotADate()
    return PartialDateTime(value, zone)
