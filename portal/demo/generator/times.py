"""Local wall time and instants. The demo ends where its day begins: 00:00 UTC of `as_of`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.core.ids import seeded_uuid7
from portal.core.partial_dates import PartialDateTime


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone; lookups are kept because there are many."""
    return ZoneInfo(name)


@dataclass(frozen=True)
class Times:
    """The demo's calendar and the maker of its keys."""

    as_of: date
    seed: int

    @cached_property
    def cutoff(self) -> datetime:
        """Nothing in the demo reached the portal after this instant."""
        return datetime.combine(self.as_of, time(), UTC)

    def days_ago(self, days: float) -> datetime:
        """Return the instant so many days before the cutoff."""
        return self.cutoff - timedelta(days=days)

    def key(self, at: datetime, *parts: object) -> UUID:
        """Return the key of a row made at `at`; another seed or another day gives another."""
        return seeded_uuid7(at, self._prefix, *parts)

    @cached_property
    def _prefix(self) -> str:
        return f"demo {self.seed} {self.as_of}"


def instant(day: date, hour: float, zone: str) -> datetime:
    """Return the instant of a local wall time; `hour` may be fractional, seconds are dropped."""
    minutes = int(hour * 60)
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=zone_of(zone)).astimezone(UTC)


def local_day(at: datetime, zone: str) -> date:
    """Return the calendar day of an instant in a zone."""
    return at.astimezone(zone_of(zone)).date()


@lru_cache(maxsize=4096)
def full(at: datetime, zone: str) -> PartialDateTime:
    """Return an instant as the clinical date that the site would write."""
    return PartialDateTime.at(at, zone)


def on(day: date, zone: str | None) -> PartialDateTime:
    """Return a clinical date with no time."""
    return PartialDateTime(day.isoformat(), zone)


def in_month(day: date) -> PartialDateTime:
    """Return a clinical date of which only year and month are known."""
    return PartialDateTime(f"{day:%Y-%m}")


def in_year(day: date) -> PartialDateTime:
    """Return a clinical date of which only the year is known."""
    return PartialDateTime(f"{day:%Y}")
