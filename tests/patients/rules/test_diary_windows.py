"""Diary windows over changes of clocks and zones: each local day has one window."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.rules.diary_windows import due_days, exists, moved, state_of, window, zone_of

ZONES = (
    "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia",
    "Asia/Kathmandu", "UTC",
)  # fmt: skip
EIGHT, NINE = time(8), time(9)


@pytest.mark.req("F84")
@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        ("Europe/Paris", date(2027, 3, 28), time(2, 30), "2027-03-28T01:00:00+00:00"),
        ("Europe/Paris", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30:00+00:00"),
        ("America/New_York", date(2027, 3, 14), time(2, 30), "2027-03-14T07:00:00+00:00"),
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30:00+00:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:30:00+00:00"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45:00+00:00"),
        ("America/Santiago", date(2026, 9, 6), time(0, 0), "2026-09-06T04:00:00+00:00"),
        ("Asia/Kathmandu", date(2026, 6, 1), time(8, 0), "2026-06-01T02:15:00+00:00"),
    ],
)
def test_a_gap_opens_at_its_end_and_an_overlap_at_its_first(
    zone: str, day: date, wall: time, expected: str
) -> None:
    found = window(day, wall, time(23), zone)
    assert found is not None and found.opens_at.isoformat() == expected


@pytest.mark.req("F84")
def test_a_day_that_the_zone_skipped_has_no_window() -> None:
    assert window(date(2011, 12, 30), EIGHT, NINE, "Pacific/Apia") is None
    for day in (date(2011, 12, 29), date(2011, 12, 31)):
        assert window(day, EIGHT, NINE, "Pacific/Apia") is not None


@pytest.mark.req("F84")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2011, 2026, 2027])
def test_each_local_day_has_exactly_one_window_at_eight(zone: str, year: int) -> None:
    opened: set[datetime] = set()
    day, count = date(year, 1, 1), 0
    while day.year == year:
        found = window(day, EIGHT, NINE, zone)
        assert (found is not None) is exists(day, zone)
        if found is not None:
            local = found.opens_at.astimezone(zone_of(zone))
            assert (local.date(), local.time()) == (day, EIGHT)
            assert found.opens_at < found.closes_at
            opened.add(found.opens_at)
            count += 1
        day += timedelta(days=1)
    assert len(opened) == count >= 364


DAYS = st.dates(date(2026, 1, 1), date(2028, 1, 1))
WALLS = st.times().map(lambda wall: wall.replace(second=0, microsecond=0))


@pytest.mark.req("F84")
@given(st.sampled_from(ZONES), DAYS, WALLS, WALLS)
def test_a_window_always_closes_after_it_opens(
    zone: str, day: date, opens: time, closes: time
) -> None:
    found = window(day, opens, closes, zone)
    assert found is not None and found.opens_at < found.closes_at


@pytest.mark.req("F85")
@given(st.lists(st.tuples(st.sampled_from(ZONES), st.integers(1, 72)), max_size=8))
def test_a_journey_over_zones_loses_and_doubles_no_day(journey: list[tuple[str, int]]) -> None:
    first = [
        window(date(2026, 10, 20) + timedelta(days=n), time(17), time(23), "Europe/Paris")
        for n in range(14)
    ]
    planned = [one for one in first if one is not None]
    now = datetime(2026, 10, 20, tzinfo=UTC)
    for zone, hours in journey:
        now += timedelta(hours=hours)
        before = planned
        planned = [moved(one, zone, now) for one in before]
        for old, new in zip(before, planned, strict=True):
            assert new.local_day == old.local_day
            assert new == old or old.opens_at > now
            assert new == old or new.closes_at > now


@pytest.mark.req("F86")
def test_new_rules_of_a_zone_change_future_windows_only() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    past = window(date(2026, 11, 19), EIGHT, NINE, "Europe/Paris")
    coming = window(date(2026, 11, 21), EIGHT, NINE, "Europe/Paris")
    assert past is not None and coming is not None
    assert moved(past, "Asia/Kathmandu", now) is past
    there = moved(coming, "Asia/Kathmandu", now)
    assert (there.opens_local, there.opens_at.hour, there.opens_at.minute) == (EIGHT, 2, 15)


CLOSES = datetime(2026, 11, 20, 22, tzinfo=UTC)


@pytest.mark.req("PRO-07")
@pytest.mark.parametrize(
    ("hours_after", "authored_after", "state"),
    [
        (-1, None, "scheduled"),
        (1, None, "scheduled"),
        (72, None, "scheduled"),
        (73, None, "missed"),
        (500, -2, "completed"),
        (500, 0, "completed"),
        (500, 1, "late"),
    ],
)
def test_a_day_is_missed_after_the_grace_and_reopens_for_a_late_upload(
    hours_after: int, authored_after: int | None, state: str
) -> None:
    authored = None if authored_after is None else CLOSES + timedelta(hours=authored_after)
    now = CLOSES + timedelta(hours=hours_after)
    assert state_of(closes_at=CLOSES, now=now, authored_at=authored) == state


def test_an_excused_day_is_never_missed_but_may_be_completed() -> None:
    now = CLOSES + timedelta(days=9)
    assert state_of(closes_at=CLOSES, now=now, authored_at=None, is_excused=True) == "excused"
    assert state_of(closes_at=CLOSES, now=now, authored_at=CLOSES, is_excused=True) == "completed"


def test_due_days_count_from_day_1_and_know_no_day_0() -> None:
    start = date(2026, 3, 1)
    facts = {
        "reference": start,
        "last_day": 8,
        "since": date(2026, 2, 1),
        "until": date(2026, 4, 1),
    }
    found = due_days(first_day=-1, every_days=3, **facts)  # type: ignore[arg-type]
    assert found == [date(2026, 2, 28), date(2026, 3, 3), date(2026, 3, 6)]
    later = due_days(first_day=1, every_days=7, **{**facts, "since": date(2026, 3, 2)})  # type: ignore[arg-type]
    assert later == [date(2026, 3, 8)]
