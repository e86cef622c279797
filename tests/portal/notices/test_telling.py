"""Who is told, once, and with which sequence."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from django.utils import translation

from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.kinds import KINDS, NoticeKind, title_of
from portal.notices.models import Dispatch, Notice
from portal.notices.rules import Wishes, after_quiet_hours, next_digest, ways_out
from portal.notices.services.people import go_away
from portal.notices.services.telling import tell
from portal.notices.vocabulary import Channel, Urgency, Way
from tests.access.world import World
from tests.portal.notices.kit import about, tell_of_event, tell_plainly


def told(notices: list[Notice]) -> set[str]:
    return {notice.person.username for notice in notices}


def test_sequences_count_each_person_without_a_gap(world: World) -> None:
    sofia, mo = world.people["sofia"], world.people["mo"]

    tell_plainly(sofia, 1)
    tell_of_event(world, sofia, mo)
    tell_plainly(mo, 2)

    for person in (sofia, mo):
        rows = Notice.objects.filter(person=person).order_by("sequence")
        assert list(rows.values_list("sequence", flat=True)) == [1, 2]


def test_a_rollback_gives_the_sequence_back(world: World) -> None:
    sofia = world.people["sofia"]
    with transaction.atomic():
        tell_plainly(sofia, 1)
        transaction.set_rollback(True)

    assert tell_plainly(sofia, 2).sequence == 1


def test_an_occasion_is_told_once(world: World) -> None:
    sofia = world.people["sofia"]
    assert len(tell_of_event(world, sofia, occasion="first")) == 1
    assert tell_of_event(world, sofia, occasion="first") == []
    assert tell_of_event(world, sofia, occasion="second")[0].sequence == 2


def test_a_kind_names_its_people_by_role_and_place(world: World) -> None:
    event = world.adverse_events[0]
    notices = tell(
        kind=NoticeKind.ADVERSE_EVENT_FOLLOW_UP,
        about=about(event, "adverse_event"),
        at=clock.now(),
    )
    assert told(notices) == {"sofia", "mo", "ana", "tom"}


def test_somebody_without_the_right_is_not_told(world: World) -> None:
    assert told(tell_of_event(world, world.people["mei"], world.people["ana"])) == {"ana"}
    no_monitor = tell_of_event(world, world.people["ana"], kind=NoticeKind.ALERT_RAISED)
    assert no_monitor == []


def test_the_deputy_is_told_beside_who_is_away(world: World) -> None:
    sofia, mo, at = world.people["sofia"], world.people["mo"], clock.now()
    go_away(
        person=sofia,
        deputy=mo,
        from_at=at - timedelta(hours=1),
        to_at=at + timedelta(days=1),
        by=sofia,
        at=at,
    )
    notices = {notice.person_id: notice for notice in tell_of_event(world, sofia)}

    assert notices.keys() == {sofia.pk, mo.pk}
    assert notices[mo.pk].on_behalf_of_id == sofia.pk


def test_a_deputy_without_the_right_is_not_told(world: World) -> None:
    sofia, mei, at = world.people["sofia"], world.people["mei"], clock.now()
    go_away(person=sofia, deputy=mei, from_at=at, to_at=at + timedelta(days=1), by=sofia, at=at)
    assert told(tell_of_event(world, sofia)) == {"sofia"}


def test_nobody_is_told_by_a_service_account(world: World) -> None:
    made = tell(
        kind=NoticeKind.ACCESS_CHANGED,
        about=about(world.adverse_events[0], "adverse_event"),
        people=[SYSTEM_ACCOUNT],
        at=clock.now(),
    )
    assert made == []


def test_letters_leave_by_the_ways_of_the_kind(world: World) -> None:
    notice = tell_of_event(world, world.people["sofia"], kind=NoticeKind.ADVERSE_EVENT_SERIOUS)[0]
    ways = Dispatch.objects.filter(notice=notice).values_list("way", flat=True)
    assert set(ways) == {Way.EMAIL, Way.PUSH}


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_title_is_made_of_numbers_alone(kind: NoticeKind) -> None:
    with translation.override("en"):
        title = title_of(kind, number="12", subject="S-0107")
    assert "%" not in title
    assert title[0].isupper() or title.startswith("S-0107")


@pytest.mark.parametrize(
    "kind",
    [
        NoticeKind.ADVERSE_EVENT_SERIOUS,
        NoticeKind.ADVERSE_EVENT_FOLLOW_UP,
        NoticeKind.ALERT_RAISED,
        NoticeKind.CLOCK_DUE,
        NoticeKind.CLOCK_OVERDUE,
    ],
)
def test_alerts_serious_events_and_clocks_are_never_acknowledged_in_bulk(kind: NoticeKind) -> None:
    assert not KINDS[kind].is_bulk


def test_what_concerns_safety_respects_no_quiet_hours() -> None:
    for kind, declared in KINDS.items():
        assert declared.respects_quiet_hours == (declared.urgency != Urgency.SAFETY), kind


NIGHT = Wishes(quiet_from=time(22), quiet_until=time(7), time_zone="Asia/Shanghai")


def test_quiet_hours_wait_for_the_morning_of_the_persons_place() -> None:
    midnight = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
    assert after_quiet_hours(NIGHT, midnight) == datetime(2026, 3, 1, 23, tzinfo=UTC)
    evening = datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert after_quiet_hours(NIGHT, evening) == datetime(2026, 3, 1, 23, tzinfo=UTC)
    noon = datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert after_quiet_hours(NIGHT, noon) == noon


def test_safety_leaves_at_once_whatever_the_person_wishes() -> None:
    at = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
    wishes = Wishes(email=False, push=False, quiet_from=time(22), quiet_until=time(7))
    ways = ways_out(
        urgency=Urgency.SAFETY,
        channels=frozenset(Channel),
        respects_quiet_hours=False,
        wishes=wishes,
        at=at,
    )
    assert list(ways) == [(Way.EMAIL, at), (Way.PUSH, at)]


def test_routine_waits_for_the_digest_of_the_persons_day() -> None:
    at = datetime(2026, 3, 1, 1, tzinfo=UTC)  # nine in Shanghai: today's has left
    assert next_digest(NIGHT, at) == datetime(2026, 3, 2, 0, tzinfo=UTC)


def test_history_tells_that_somebody_was_told(world: World) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        notice = tell_plainly(world.people["sofia"], 1)
    from portal.core.history import TRACKED

    rows = TRACKED[Notice]._default_manager.filter(pgh_obj_id=notice.pk)  # type: ignore[attr-defined]
    assert [row.acted_reason for row in rows] == ["told"]
