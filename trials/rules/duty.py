"""Pure rules of rosters: who is on duty, and which hours nobody is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

WEEK_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Shift:
    """When somebody is on duty, by the site's clock."""

    weekdays: frozenset[int]
    from_time: time
    to_time: time
    from_on: date
    to_on: date | None

    def covers(self, local: datetime) -> bool:
        """Whether it covers an instant of the site's clock."""
        begins, ends, now = self.from_time, self.to_time, local.time()
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        if begins < ends:
            return begins <= now < ends and self._is_on(today)
        return (now >= begins and self._is_on(today)) or (now < ends and self._is_on(yesterday))

    def _is_on(self, day: date) -> bool:
        is_within = self.from_on <= day and (self.to_on is None or day <= self.to_on)
        return is_within and day.isoweekday() in self.weekdays


def empty_hours(shifts: Iterable[Shift], since: datetime) -> Iterator[datetime]:
    """Yield the hours of the week after `since` (the site's clock) with nobody on duty all through.

    An hour is looked at every quarter.
    """
    known = list(shifts)
    start = since.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    for number in range(WEEK_HOURS):
        hour = start + timedelta(hours=number)
        quarters = (max(hour + timedelta(minutes=15 * part), since.replace(tzinfo=None))
                    for part in range(4))  # fmt: skip
        if not all(any(shift.covers(quarter) for shift in known) for quarter in quarters):
            yield hour
