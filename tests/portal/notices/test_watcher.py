"""The watcher as a process: with broker and workers dead, killed at the worst point, and twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.embedded.home import ROOT
from portal.embedded.processes import Identity, child_setup, kill_group
from portal.notices.models import (
    Escalation,
    EscalationStep,
    Notice,
    NoticeSending,
    WatcherHeartbeat,
)
from portal.notices.services.acknowledging import acknowledge
from portal.notices.services.escalating import take_step
from portal.notices.vocabulary import StepState
from portal.ops import health
from tests.access.world import World, bearer
from tests.portal.notices.kit import make_staffed_world, tell_of_event, tell_plainly
from tests.portal.notices.test_ladders import serious

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 90.0
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def world() -> World:
    return make_staffed_world()


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return tmp_path / "letters"


@pytest.fixture
def start(letters: Path) -> Iterator[Start]:
    """Start watchers that reach no broker; all are killed afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(failpoints: str = "") -> "subprocess.Popen[bytes]":
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "FAILPOINTS": failpoints,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.portal.notices.watching", str(letters)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=child_setup(signal.SIGKILL, Identity()),
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        kill_group(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    return found


def sent(letters: Path) -> list[list[str]]:
    """Return the letters that the provider took: id, person."""
    return (
        [line.split()[:2] for line in letters.read_text().splitlines()] if letters.exists() else []
    )


@pytest.mark.req("F13")
def test_F13_with_every_worker_dead_a_serious_event_is_told_and_escalates(
    world: World, start: Start, letters: Path
) -> None:
    start()
    event = serious(world)
    told = Notice.objects.filter(record_id=event.pk)
    wait_for(lambda: told.count() == 4)
    wait_for(lambda: len(sent(letters)) >= 4)

    _let_time_pass()
    wait_for(lambda: EscalationStep.objects.filter(state=StepState.DONE).count() >= 2)
    assert Escalation.objects.get(record_id=event.pk).state == "running"


def _let_time_pass() -> None:
    """Let the next step be due: the row is as if it had been written an hour ago."""
    past = clock.now() - timedelta(seconds=1)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        EscalationStep.objects.filter(state=StepState.PENDING).update(due_at=past)


@pytest.mark.req("F14")
def test_F14_a_watcher_that_fell_silent_makes_the_portal_not_ready() -> None:
    WatcherHeartbeat.objects.update_or_create(id=1, defaults={"swept_at": clock.now()})
    health.forget()
    assert Client().get("/readyz").status_code == 200

    WatcherHeartbeat.objects.update(swept_at=clock.now() - timedelta(minutes=2))
    health.forget()
    answer = Client().get("/readyz")

    assert (answer.status_code, answer.json()["reason"]) == (503, "watcher_silent")
    health.forget()


@pytest.mark.req("F14")
def test_F14_a_step_that_nobody_takes_makes_the_portal_not_ready(world: World) -> None:
    serious(world)
    past = clock.now() - timedelta(minutes=2)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        EscalationStep.objects.update(due_at=past)
    health.forget()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "watcher_overdue")
    health.forget()


def test_a_watcher_killed_after_the_mail_left_sends_it_again_under_the_same_id(
    world: World, start: Start, letters: Path
) -> None:
    first = start("notices.after_send=kill,nth=1")
    event = serious(world)
    first.wait(PATIENCE_SECONDS)
    assert len(sent(letters)) == 1
    assert not NoticeSending.objects.exists()

    start()
    told = Notice.objects.filter(record_id=event.pk)
    wait_for(lambda: NoticeSending.objects.filter(outcome="sent").count() == 8)

    ids = [key for key, _person in sent(letters)]
    assert len(ids) == 9
    assert len(set(ids)) == 8
    assert told.count() == 4


def test_a_watcher_killed_after_a_step_tells_nobody_twice(
    world: World, start: Start, letters: Path
) -> None:
    first = start("notices.after_step=kill,nth=1")
    event = serious(world)
    first.wait(PATIENCE_SECONDS)
    start()
    wait_for(lambda: NoticeSending.objects.filter(outcome="sent").count() == 8)
    assert Notice.objects.filter(record_id=event.pk).count() == 4


def test_of_two_watchers_one_is_active_and_the_other_takes_over(
    world: World, start: Start, letters: Path
) -> None:
    watchers = [start(), start()]
    event = serious(world)
    wait_for(lambda: NoticeSending.objects.filter(outcome="sent").count() == 8)
    assert len(sent(letters)) == 8
    kill_group(watchers[0].pid, signal.SIGKILL)
    _let_time_pass()
    wait_for(lambda: EscalationStep.objects.filter(state=StepState.DONE).count() >= 2)
    assert Notice.objects.filter(record_id=event.pk).count() == 4


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make calls in threads that are let go together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(60)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_take_a_step_at_once_and_one_does_it(world: World) -> None:
    event = serious(world)
    key = EscalationStep.objects.get(state=StepState.PENDING).pk
    at = clock.now()
    done = at_once([lambda: take_step(key, at=at)] * 4)
    assert sum(done) == 1
    assert Notice.objects.filter(record_id=event.pk).count() == 4


def test_two_acknowledge_at_once_and_the_first_stays_named(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]
    headers = bearer(sofia)
    path = f"/api/v1/notifications/{notice.pk}/acknowledge/"

    def click(number: int) -> Callable[[], Any]:
        return lambda: Client().post(
            path,
            {"comment": f"click {number}"},
            content_type="application/json",
            headers={**headers, "if-match": '"1"'},
        )

    answers = at_once([click(number) for number in range(4)])

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 412, 412, 412]
    notice.refresh_from_db()
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert notice.comment == winner.json()["comment"]


def test_people_of_a_ladder_acknowledge_while_it_climbs(world: World) -> None:
    event = serious(world)
    at = clock.now()
    key = EscalationStep.objects.get(state=StepState.PENDING).pk
    take_step(key, at=at)
    after = EscalationStep.objects.get(state=StepState.PENDING).pk
    people = [world.people[name] for name in ("sofia", "mo", "ana")]
    notices = [Notice.objects.get(record_id=event.pk, person=person) for person in people]
    calls: list[Callable[[], Any]] = [lambda: take_step(after, at=at)]
    calls += [
        lambda notice=notice, person=person: acknowledge(notice=notice, by=person, at=at)
        for notice, person in zip(notices, people, strict=True)
    ]
    at_once(calls)
    escalation = Escalation.objects.get(record_id=event.pk)
    assert escalation.state == "acknowledged"
    assert escalation.ended_by in people[:2]


def test_sequences_have_no_gap_however_many_tell_at_once(world: World) -> None:
    sofia = world.people["sofia"]
    at_once([lambda number=number: tell_plainly(sofia, number) for number in range(8)])
    found = Notice.objects.filter(person=sofia).order_by("created_at", "id")
    assert sorted(found.values_list("sequence", flat=True)) == list(range(1, 9))
