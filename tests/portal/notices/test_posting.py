"""Letters: what leaves, when, how often, and what does not (F105, digest)."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from patients.models import QuarantinedSubmission
from patients.services.telling import tell_of_quarantine
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.channels import base
from portal.notices.channels.base import Answer, Letter, Outcome
from portal.notices.kinds import NoticeKind
from portal.notices.models import Dispatch, Notice, NoticeSending, Preference
from portal.notices.services.acknowledging import acknowledge
from portal.notices.services.posting import post_due
from portal.notices.services.telling import About, tell
from portal.notices.vocabulary import DispatchState, Way
from tests.access.world import World
from tests.portal.notices.kit import about, tell_of_event
from trials.models import Assignment
from trials.services.assignments import end_assignment

Provider = Callable[[Answer], list[Letter]]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider at the process boundary that gives one answer to every mail."""

    def answering(answer: Answer) -> list[Letter]:
        took: list[Letter] = []

        def take(letter: Letter) -> Answer:
            took.append(letter)
            return answer

        monkeypatch.setattr(base, "_CHANNELS", {"email": take})
        return took

    return answering


def routine(world: World, person: str, number: int) -> Any:
    return tell(
        kind=NoticeKind.DIARY_MISSED,
        about=about(world.alerts[0], "alert"),
        people=[world.people[person].pk],
        occasion=str(number),
        at=clock.now(),
    )[0]


def test_a_letter_that_failed_is_tried_again_later_under_the_same_id(
    world: World, provider: Provider
) -> None:
    took = provider(Answer(Outcome.FAILED, "451 try later"))
    tell_of_event(world, world.people["sofia"], kind=NoticeKind.ADVERSE_EVENT_SERIOUS)
    at = clock.now()
    post_due(at=at)
    post_due(at=at)
    assert len(took) == 1

    post_due(at=at + timedelta(minutes=5))
    assert [letter.id for letter in took] == [took[0].id] * 2
    answers = NoticeSending.objects.filter(channel=Way.EMAIL).order_by("attempt")
    assert [(row.attempt, row.outcome) for row in answers] == [(1, "failed"), (2, "failed")]


def test_a_letter_that_was_refused_is_not_tried_again(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.REFUSED, "550 no such user"))
    tell_of_event(world, world.people["sofia"], kind=NoticeKind.ADVERSE_EVENT_SERIOUS)
    for minute in range(3):
        post_due(at=clock.now() + timedelta(minutes=10 * minute))
    assert len(took) == 1


def test_what_was_acknowledged_meanwhile_does_not_leave(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.SENT))
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia, kind=NoticeKind.ADVERSE_EVENT_SERIOUS)[0]
    acknowledge(notice=notice, by=sofia, at=clock.now())
    post_due(at=clock.now())
    assert took == []
    states = Dispatch.objects.filter(notice=notice).values_list("state", flat=True)
    assert set(states) == {DispatchState.DROPPED}


def test_a_digest_is_one_mail_a_day_with_all_that_waits(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.SENT))
    for number in range(3):
        routine(world, "omar", number)
    post_due(at=clock.now())
    assert took == []

    post_due(at=clock.now() + timedelta(days=1))
    assert len(took) == 1
    assert took[0].body.count("\n- ") == 2
    assert NoticeSending.objects.filter(channel=Way.DIGEST).count() == 3


def test_an_empty_digest_does_not_leave(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.SENT))
    notice = routine(world, "omar", 1)
    acknowledge(notice=notice, by=world.people["omar"], at=clock.now())
    post_due(at=clock.now() + timedelta(days=1))
    assert took == []


def test_who_wants_no_digest_gets_none(world: World, provider: Provider) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Preference.objects.create(person=world.people["omar"], digest=False)
    notice = routine(world, "omar", 1)
    assert not Dispatch.objects.filter(notice=notice).exists()


def test_who_lost_access_is_not_written_to(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.SENT))
    ana = world.people["ana"]
    tell_of_event(world, ana, kind=NoticeKind.ADVERSE_EVENT_SERIOUS)
    end_assignment(
        assignment=Assignment.objects.get(person=ana), by=ana, at=clock.now(), reason="leaves"
    )
    post_due(at=clock.now())
    assert took == []


def test_changed_access_is_told_to_the_person(world: World) -> None:
    ana = world.people["ana"]
    end_assignment(
        assignment=Assignment.objects.get(person=ana), by=ana, at=clock.now(), reason="leaves"
    )
    assert Notice.objects.get(person=ana).kind == NoticeKind.ACCESS_CHANGED


def test_a_letter_says_numbers_and_no_more(world: World, provider: Provider) -> None:
    took = provider(Answer(Outcome.SENT))
    sofia = world.people["sofia"]
    tell_of_event(world, sofia, kind=NoticeKind.ADVERSE_EVENT_SERIOUS)
    post_due(at=clock.now())
    letter = took[0]
    event = world.adverse_events[0]
    assert event.term not in letter.title + letter.body
    assert event.patient.subject_number in letter.title


def test_an_upload_that_was_set_aside_is_told_once_a_day(world: World) -> None:
    at = clock.now()
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for raw in (b"{}", b"[]", b"1"):
            QuarantinedSubmission.objects.create(
                trial_id=patient.trial_id,
                site_id=patient.site_id,
                patient=patient,
                resource="epro_report",
                reason="refused",
                raw=raw,
                digest=hashlib.sha256(raw).digest(),
                received_at=at,
                recorded_by_id=SYSTEM_ACCOUNT,
                recorded_through=SYSTEM_ACCOUNT,
            )
    assert tell_of_quarantine(at=at) == 1
    assert tell_of_quarantine(at=at) == 0
    told = Notice.objects.filter(kind=NoticeKind.SUBMISSION_QUARANTINED)
    assert {notice.person.username for notice in told} == {"ines", "omar"}


def test_nobody_without_a_place_hears_of_another_trial(world: World) -> None:
    event = world.adverse_events[0]
    elsewhere = About(resource="adverse_event", record=event.pk, trial=world.trials[2].pk)
    assert tell(kind=NoticeKind.ADVERSE_EVENT_FOLLOW_UP, about=elsewhere, at=clock.now()) == []
