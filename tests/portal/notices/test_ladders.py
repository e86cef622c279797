"""Ladders: who is next, and that nobody is forgotten (F103-F105, F107)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from events.services.adverse_events import add_follow_up, report_adverse_event
from events.services.facts import Statement
from events.vocabulary import VersionKind
from patients.services.alerts import acknowledge_alert
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.channels import base
from portal.notices.channels.base import Answer, Letter, Outcome
from portal.notices.kinds import NoticeKind
from portal.notices.ladders import Rung
from portal.notices.models import Dispatch, Escalation, EscalationStep, Notice, NoticeSending
from portal.notices.selectors import represent
from portal.notices.services.acknowledging import acknowledge
from portal.notices.services.escalating import Start, include_newcomers, start
from portal.notices.services.posting import post_due
from portal.notices.topics import tell_notices
from portal.notices.vocabulary import EscalationState, LadderKind, StepState, Who
from portal.notices.watcher import Post, Sweeper
from portal.outbox.drain import drain_outbox
from tests.access.world import World, make_person
from tests.portal.notices.kit import about
from trials.models import Assignment
from trials.services.assignments import end_assignment
from trials.services.duty import put_on_duty, set_ladder
from trials.vocabulary import DutyLine


def minutes(number: float) -> datetime:
    return now() + timedelta(minutes=number)


_now = clock.now()


def now() -> datetime:
    return _now


@pytest.fixture(autouse=True)
def _began() -> None:
    global _now
    _now = clock.now()


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Letter]]]:
    """A provider at the process boundary that takes every letter."""
    sent: list[tuple[str, Letter]] = []

    def carry(channel: str) -> Any:
        def take(letter: Letter) -> Answer:
            sent.append((channel, letter))
            return Answer(Outcome.SENT, "250 ok", f"<{letter.id}@portal>")

        return take

    monkeypatch.setattr(base, "_CHANNELS", {name: carry(name) for name in ("email", "push")})
    yield sent


def serious(world: World, **more: Any) -> Any:
    dora = world.people["ines"]
    return report_adverse_event(
        patient=world.patients[0],
        statement=Statement(facts={"term": "Syncope", "hospitalization": "yes"}),
        site_aware_at=now(),
        by=dora,
        at=now(),
        **more,
    )


def told(record: Any) -> dict[str, Notice]:
    rows = Notice.objects.filter(record_id=record.pk).select_related("person")
    return {notice.person.username: notice for notice in rows}


def sweep(at: datetime) -> None:
    sweeper = Sweeper()
    while sweeper.sweep(at):
        pass


def alert_climbs(world: World) -> Any:
    alert = world.alerts[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        type(alert).objects.filter(pk=alert.pk).update(is_medical=True)
        start([Start(NoticeKind.ALERT_RAISED, about(alert, "alert"), due_at=minutes(30))], at=now())
    return alert


def on_duty(world: World) -> None:
    site, by = world.sites[0], {"by": world.people["ines"], "at": now()}
    put_on_duty(site=site, person=world.people["dora"], phone="+33 1", **by)
    put_on_duty(site=site, person=world.people["omar"], phone="+33 2", line=DutyLine.SECOND, **by)


def test_a_serious_event_is_told_to_the_safety_team_and_the_monitors_at_once(
    world: World, letters: list[Any]
) -> None:
    event = serious(world)
    drain_outbox()

    assert told(event).keys() == {"sofia", "mo", "ana", "tom"}
    assert {name for name, notice in told(event).items() if notice.stops_ladder} == {"sofia", "mo"}
    assert {notice.urgency for notice in told(event).values()} == {"safety"}


def test_what_climbs_and_what_one_may_no_longer_see_can_be_shown_on_a_screen(
    world: World, letters: list[Any]
) -> None:
    event = serious(world)
    drain_outbox()
    for notice in told(event).values():
        (telling,) = tell_notices([notice.pk])
        shown = msgspec.json.decode(msgspec.json.encode(telling.data))
        assert shown["next_step"]["who"] == "Safety officer and medical monitor"
    (seen,) = represent([told(event)["sofia"]], world.people["mei"])
    assert msgspec.json.decode(msgspec.json.encode(seen))["title"].startswith("About something")


def test_an_event_that_is_not_serious_climbs_nothing(world: World) -> None:
    event = report_adverse_event(
        patient=world.patients[0],
        statement=Statement(facts={"term": "Headache"}),
        by=world.people["ines"],
        at=now(),
    )
    drain_outbox()
    assert told(event) == {}


def test_an_event_that_becomes_serious_climbs_then(world: World) -> None:
    event = report_adverse_event(
        patient=world.patients[0],
        statement=Statement(facts={"term": "Headache"}),
        by=world.people["ines"],
        at=now(),
    )
    add_follow_up(
        adverse_event=event,
        kind=VersionKind.FOLLOW_UP,
        statement=Statement(facts={"life_threatening": "yes"}),
        information_received_at=now(),
        site_aware_at=now(),
        by=world.people["ines"],
        at=now(),
        reason="worse",
    )
    drain_outbox()
    kinds = Notice.objects.filter(record_id=event.pk, person=world.people["sofia"])
    assert set(kinds.values_list("kind", flat=True)) == {
        NoticeKind.ADVERSE_EVENT_SERIOUS,
        NoticeKind.ADVERSE_EVENT_FOLLOW_UP,
    }


def test_the_watcher_tells_without_outbox_and_without_workers(
    world: World, letters: list[Any]
) -> None:
    event = serious(world)
    sweep(now())
    Post().sweep(now())

    assert told(event).keys() == {"sofia", "mo", "ana", "tom"}
    people = {letter.person for channel, letter in letters if channel == "email"}
    assert people == {notice.person_id for notice in told(event).values()}
    assert not any("Syncope" in letter.title + letter.body for _, letter in letters)


def test_who_comes_second_finds_it_done(world: World) -> None:
    event = serious(world)
    sweep(now())
    drain_outbox()
    assert Notice.objects.filter(record_id=event.pk).count() == 4
    assert EscalationStep.objects.filter(state=StepState.DONE).count() == 1


def test_monitors_do_not_stop_the_ladder(world: World) -> None:
    event = serious(world)
    sweep(now())
    acknowledge(notice=told(event)["ana"], by=world.people["ana"], at=minutes(1))
    assert Escalation.objects.get(record_id=event.pk).state == EscalationState.RUNNING


def test_acknowledging_by_one_of_the_ladder_stops_it(world: World) -> None:
    event = serious(world)
    sweep(now())
    acknowledge(notice=told(event)["mo"], by=world.people["mo"], at=minutes(1))
    sweep(minutes(600))

    escalation = Escalation.objects.get(record_id=event.pk)
    assert (escalation.state, escalation.ended_by) == ("acknowledged", world.people["mo"])
    assert not EscalationStep.objects.filter(state=StepState.PENDING).exists()
    assert Dispatch.objects.filter(round__gt=0).count() == 0


def test_an_alert_climbs_from_duty_to_the_medical_monitor(world: World) -> None:
    on_duty(world)
    alert = alert_climbs(world)
    sweep(now())
    assert told(alert).keys() == {"dora"}
    sweep(minutes(16))
    assert told(alert).keys() == {"dora", "omar"}
    sweep(minutes(32))
    assert told(alert).keys() == {"dora", "omar", "ines"}
    sweep(minutes(48))
    assert told(alert).keys() == {"dora", "omar", "ines", "mo"}


def test_a_rung_without_anybody_is_not_waited_for(world: World) -> None:
    alert = alert_climbs(world)
    sweep(now())
    assert told(alert).keys() == {"ines"}


def test_no_monitor_of_the_sponsor_is_on_the_medical_ladder(world: World) -> None:
    alert = alert_climbs(world)
    for step in range(12):
        sweep(minutes(20 * step))
    assert not told(alert).keys() & {"ana", "tom", "sofia"}


def test_a_person_is_told_again_until_somebody_acknowledges(
    world: World, letters: list[Any]
) -> None:
    """F105: the provider took the mail and nobody read it."""
    event = serious(world)
    for hour in range(30):
        sweep(minutes(61 * hour))
        while Post().sweep(minutes(61 * hour)):
            pass
    mails = [one for way, one in letters if way == "email"]
    to_sofia = [one for one in mails if one.person == world.people["sofia"].pk]
    assert len(to_sofia) >= 2
    assert len({one.id for one in mails}) == len(mails)
    assert told(event)["sofia"].acknowledged_at is None
    pending = EscalationStep.objects.get(state=StepState.PENDING)
    assert pending.due_at > minutes(61 * 29)


def test_who_has_no_channel_is_passed_by_at_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F104: nobody could be reached; the next is told, and nothing counts as sent."""
    monkeypatch.setattr(base, "_CHANNELS", {})
    on_duty(world)
    alert = alert_climbs(world)
    sweep(now())
    Post().sweep(now())
    outcomes = set(NoticeSending.objects.values_list("outcome", flat=True))
    sweep(minutes(16))

    assert outcomes == {"no_address"}
    assert "omar" in told(alert)


def test_a_new_monitor_is_told_and_the_clock_is_not_reset(world: World) -> None:
    """F103."""
    event = serious(world)
    sweep(now())
    before = EscalationStep.objects.get(state=StepState.PENDING).due_at
    ana = world.people["ana"]
    end_assignment(
        assignment=Assignment.objects.get(person=ana), by=ana, at=minutes(5), reason="leaves"
    )
    make_person(world, "cleo", "cra", world.sites[0])
    include_newcomers(at=clock.now())

    assert "cleo" in told(event)
    assert not told(event)["cleo"].stops_ladder
    assert EscalationStep.objects.get(state=StepState.PENDING).due_at == before
    letter = Dispatch.objects.filter(notice=told(event)["ana"], state="pending")
    post_due(at=clock.now())
    assert not letter.exists()
    assert not NoticeSending.objects.filter(notice__person=ana).exists()


def test_what_is_acknowledged_at_the_alert_is_acknowledged_in_the_inbox(world: World) -> None:
    alert = alert_climbs(world)
    sweep(now())
    acknowledge_alert(alert=alert, comment="I go", by=world.people["ines"], at=minutes(1))

    notice = told(alert)["ines"]
    assert (notice.acknowledged_by, notice.comment) == (world.people["ines"], "I go")
    assert Escalation.objects.get(record_id=alert.pk).state == EscalationState.ACKNOWLEDGED


def test_what_is_acknowledged_in_the_inbox_is_acknowledged_at_the_alert(world: World) -> None:
    alert = alert_climbs(world)
    sweep(now())
    acknowledge(notice=told(alert)["ines"], comment="I go", by=world.people["ines"], at=minutes(1))
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", world.people["ines"])


def test_a_site_may_have_a_ladder_of_its_own(world: World) -> None:
    set_ladder(
        trial=world.trials[0],
        site=world.sites[0],
        kind=LadderKind.MEDICAL,
        rungs=[Rung(Who.MEDICAL_MONITOR, 30)],
        by=world.people["tom"],
        at=now(),
        reason="small site",
    )
    alert = alert_climbs(world)
    sweep(now())
    assert told(alert).keys() == {"mo"}
