"""Diary windows: wall time of a zone on a local day, as instants; and when a day is missed.

A wall time that does not exist (clocks go forward) is the first instant after the gap; one that
exists twice (clocks go back) is the first of the two. A local day that a zone skipped has none.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# How long an offline phone may take before a day counts as missed.
OFFLINE_GRACE = timedelta(hours=72)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name."""
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class DiaryWindow:
    """One diary day: what the patient's clock says, the zone that said it, and the instants."""

    local_day: date
    time_zone: str
    opens_local: time
    closes_local: time
    opens_at: datetime
    closes_at: datetime


def instant_of(day: date, wall: time, zone: str) -> datetime:
    """Return the instant (UTC) of a wall time on a local day: after a gap, first of an overlap."""
    where = zone_of(zone)
    naive = datetime.combine(day, wall.replace(tzinfo=None))
    found = naive.replace(tzinfo=where, fold=0).astimezone(UTC)
    if found.astimezone(where).replace(tzinfo=None) == naive:
        return found
    # In a gap the two folds read the wall time with the offsets before and after it.
    later = naive.replace(tzinfo=where, fold=1).astimezone(UTC)
    return _end_of_gap(min(found, later), max(found, later), where)


def _end_of_gap(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant between two at which the offset changes, to the second."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def exists(day: date, zone: str) -> bool:
    """Whether a local day was in a zone at all (Apia had no 2011-12-30)."""
    return instant_of(day, time(12), zone).astimezone(zone_of(zone)).date() == day


def window(day: date, opens: time, closes: time, zone: str) -> DiaryWindow | None:
    """Return the window of a local day; None for a day that the zone skipped.

    A window that closes at or before its opening wall time closes on the next local day.
    """
    if not exists(day, zone):
        return None
    last = day if closes > opens else _next_day(day, zone)
    opens_at, closes_at = instant_of(day, opens, zone), instant_of(last, closes, zone)
    # A window that lies in a gap altogether is kept open for its own length.
    if closes_at <= opens_at:
        length = datetime.combine(last, closes) - datetime.combine(day, opens)
        closes_at = opens_at + length
    return DiaryWindow(day, zone, opens, closes, opens_at, closes_at)


def _next_day(day: date, zone: str) -> date:
    following = day + timedelta(days=1)
    return following if exists(following, zone) else following + timedelta(days=1)


def due_days(
    *,
    reference: date,
    first_day: int,
    last_day: int | None,
    every_days: int,
    since: date,
    until: date,
) -> list[date]:
    """Return the local days from `since` to `until` on which a schedule is due.

    Study days count from `reference`, which is day 1; there is no day 0.
    """
    start = _date_of(reference, first_day)
    end = until if last_day is None else min(until, _date_of(reference, last_day))
    skipped = max(0, -(-(since - start).days // every_days))
    days = []
    day = start + timedelta(days=skipped * every_days)
    while day <= end:
        days.append(day)
        day += timedelta(days=every_days)
    return days


def _date_of(reference: date, study_day: int) -> date:
    return reference + timedelta(days=study_day - 1 if study_day > 0 else study_day)


def moved(planned: DiaryWindow, zone: str, now: datetime) -> DiaryWindow:
    """Return a window after the patient moved to another zone or its rules changed.

    What has opened stays as it was; a later one keeps its local day and wall times. Where those
    are over already (the patient flew east), the planned window stays, so that no day is lost.
    """
    if planned.opens_at <= now:
        return planned
    there = window(planned.local_day, planned.opens_local, planned.closes_local, zone)
    return planned if there is None or there.closes_at <= now else there


def is_late(authored_at: datetime, closes_at: datetime) -> bool:
    """Whether a report was written after its window; its receipt does not count."""
    return authored_at > closes_at


def state_of(
    *,
    closes_at: datetime,
    now: datetime,
    authored_at: datetime | None,
    is_excused: bool = False,
    grace: timedelta = OFFLINE_GRACE,
) -> str:
    """Say how a diary day stands; a report that comes late reopens a missed day.

    Answers: scheduled, completed, late, missed or excused.
    """
    if authored_at is not None:
        return "late" if is_late(authored_at, closes_at) else "completed"
    if is_excused:
        return "excused"
    return "missed" if now > closes_at + grace else "scheduled"
