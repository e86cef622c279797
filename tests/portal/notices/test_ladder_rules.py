"""What is next on a ladder, by which clock, and whom a roster names (F103, F107)."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest

from portal.access.roles import ROLES
from portal.core import clock
from portal.notices.ladders import USUAL, Next, Rung, next_step
from portal.notices.vocabulary import LadderKind, Who
from portal.notices.watcher import Patience
from tests.access.world import World
from trials.models import RosterShift
from trials.rules.duty import Shift, empty_hours
from trials.services.duty import NotOnTheLadder, put_on_duty

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
RUNGS = (Rung(Who.ON_CALL, 15, 5, 2), Rung(Who.MEDICAL_MONITOR, 30, 30, 1))


@pytest.mark.parametrize(
    ("rung", "round_", "minute", "expected"),
    [
        (0, 0, 0, (0, 1, 5)),
        (0, 1, 5, (0, 2, 10)),
        (0, 2, 10, (1, 0, 15)),
        (1, 0, 15, (1, 1, 45)),
        (1, 1, 45, (1, 2, 105)),
    ],
)
def test_a_rung_repeats_then_the_next_is_told_and_the_last_goes_on(
    rung: int, round_: int, minute: int, expected: tuple[int, int, int]
) -> None:
    after = next_step(
        RUNGS,
        rung=rung,
        round=round_,
        rung_began_at=AT + timedelta(minutes=15 * rung),
        at=AT + timedelta(minutes=minute),
        is_anybody_told=True,
    )
    assert after == Next(*expected[:2], AT + timedelta(minutes=expected[2]))


def test_the_usual_ladders_name_no_monitor_of_the_sponsor_medically() -> None:
    assert {rung.who for rung in USUAL[LadderKind.MEDICAL]} <= {
        Who.ON_CALL,
        Who.SECOND_ON_CALL,
        Who.PRINCIPAL_INVESTIGATOR,
        Who.MEDICAL_MONITOR,
    }
    assert "cra" in ROLES


class Steady:
    """A clock that only goes forward."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.req("F107")
@pytest.mark.parametrize("jump", [-3600, 86_400])
def test_a_clock_that_jumps_misses_nothing_and_brings_nothing_twice(jump: int) -> None:
    steady, key = Steady(), uuid4()
    patience = Patience(steady)
    row = (key, AT + timedelta(minutes=15), AT)
    assert patience.due([row], AT) == []

    steady.seconds += 60
    early = patience.due([row], AT + timedelta(seconds=60 + jump))
    steady.seconds += 15 * 60
    late = patience.due([] if early else [row], AT + timedelta(seconds=16 * 60 + jump))

    assert early + late == [key]


@pytest.mark.req("F107")
def test_a_watcher_that_starts_after_the_clock_was_set_back_waits_no_longer() -> None:
    steady, key = Steady(), uuid4()
    patience = Patience(steady)
    row = (key, AT + timedelta(minutes=15), AT)
    patience.due([row], AT - timedelta(hours=1))
    steady.seconds += 15 * 60
    assert patience.due([row], AT - timedelta(minutes=45)) == [key]


DAYS = frozenset(range(1, 8))
NIGHTS = Shift(DAYS, time(20), time(8), AT.date() - timedelta(days=7), None)
BY_DAY = Shift(DAYS, time(8), time(20), AT.date() - timedelta(days=7), None)


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    mondays = Shift(frozenset({1}), time(20), time(8), AT.date(), None)
    assert mondays.covers(datetime(2026, 3, 2, 23))
    assert mondays.covers(datetime(2026, 3, 3, 7, 59))
    assert not mondays.covers(datetime(2026, 3, 2, 7))


def test_every_hour_is_looked_for_in_a_roster() -> None:
    assert list(empty_hours([NIGHTS, BY_DAY], AT)) == []
    assert len(list(empty_hours([NIGHTS], AT))) == 7 * 12
    ends = Shift(DAYS, time(8), time(19, 30), AT.date(), None)
    assert {hour.hour for hour in empty_hours([NIGHTS, ends], AT)} == {19}


def test_a_roster_names_only_who_may_see_alerts(world: World) -> None:
    by = {"by": world.people["ines"], "at": clock.now()}
    with pytest.raises(NotOnTheLadder):
        put_on_duty(site=world.sites[0], person=world.people["ana"], phone="1", **by)
    assert not RosterShift.objects.exists()
