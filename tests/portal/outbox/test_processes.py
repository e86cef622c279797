"""Relay and worker as real processes, killed where it hurts: 0 lost and 0 twice."""

import base64
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.core import tasks
from portal.embedded.home import ROOT
from portal.embedded.processes import Identity, child_setup, kill_group
from portal.ops.metrics import OutboxCollector
from portal.outbox import leases
from portal.outbox.kinds import Lane
from portal.outbox.models import RelayHeartbeat
from portal.outbox.registry import handles_many
from portal.outbox.standing import standing
from portal.outbox.tasks import deliver
from tests.plugins.servers import SERVERS
from tests.portal.outbox.kit import KIND, let_time_pass, only, rows, send
from tests.portal.outbox.processes import record_effect

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60.0
Start = Callable[..., "subprocess.Popen[bytes]"]


def wait_for(condition: Callable[[], Any], *, ageing: bool = False) -> None:
    """Poll until it is so; `ageing` lets leases end rather than waiting for them."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    age_at = time.monotonic()
    while not condition():
        assert time.monotonic() < give_up, [(r.state, r.attempts, r.last_error) for r in rows()]
        if ageing and time.monotonic() > age_at:
            # Now and then: what changes a lease changes its token, and the message is for nothing.
            let_time_pass(60)
            age_at = time.monotonic() + 3
        time.sleep(0.1)


def all_ended() -> bool:
    return all(row.state != "pending" for row in rows())


def effects() -> tuple[int, int]:
    """Return how many effects there are, and of how many messages."""
    with psycopg.connect(SERVERS.postgres.url("postgres", SERVERS.database)) as asked:
        row = asked.execute(
            "SELECT count(*), count(DISTINCT message_id) FROM outbox_test_ledger"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def heartbeats() -> int:
    return RelayHeartbeat.objects.count()


@pytest.fixture(autouse=True)
def ledger() -> Iterator[None]:
    with psycopg.connect(
        SERVERS.postgres.url("postgres", SERVERS.database), autocommit=True
    ) as owner:
        owner.execute("CREATE TABLE public.outbox_test_ledger (message_id uuid)")
        owner.execute("GRANT ALL ON public.outbox_test_ledger TO portal_app")
    with only(lambda: handles_many(KIND)(record_effect)):  # type: ignore[func-returns-value]
        yield


@pytest.fixture(autouse=True)
def empty_broker() -> Iterator[None]:
    tasks._broker().flushdb()
    yield
    tasks._broker().flushdb()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start relays and workers; all are gone in the end."""
    made: list[subprocess.Popen[bytes]] = []

    def launch(what: str, failpoints: str = "", **environment: str) -> "subprocess.Popen[bytes]":
        names = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        with open(tmp_path / f"{what}.log", "ab") as log:
            made.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.portal.outbox.processes", what],
                    env={
                        **names,
                        "FAILPOINTS": failpoints,
                        "PORTAL_PROCESS": what,
                        "PYTHONPATH": str(ROOT),
                        **environment,
                    },
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=child_setup(signal.SIGKILL, Identity()),
                )
            )
        return made[-1]

    yield launch
    for process in made:
        kill_group(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.req("F5")
@pytest.mark.req("F6")
@pytest.mark.parametrize("place", ["relay.after_claim", "relay.after_publish"])
def test_killed_relay_loses_nothing_and_repeats_nothing(start: Start, place: str) -> None:
    for _ in range(150):
        send()
    killed = start("relay", f"{place}=kill")
    wait_for(lambda: killed.poll() is not None or heartbeats() > 0)
    standby = start("relay")
    assert killed.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert not all_ended()
    assert standby.poll() is None

    # The other relay, which stood by meanwhile, does it; what was sent comes again as well.
    sent = tasks.waiting("outbox")
    assert sent == (1 if place == "relay.after_publish" else 0)
    wait_for(all_ended, ageing=True)
    assert effects() == (150, 150)
    start("worker")
    wait_for(lambda: tasks.waiting("outbox") == 0)
    assert effects() == (150, 150)


@pytest.mark.req("F7")
@pytest.mark.req("F8")
@pytest.mark.parametrize("place", ["task.before_effect", "task.after_effect"])
def test_killed_worker_loses_nothing_and_repeats_nothing(start: Start, place: str) -> None:
    for _ in range(20):
        send()
    start("relay")
    # Celery starts each child anew, to be killed again: at what is still to be done.
    worker = start("worker", f"{place}=kill")
    wait_for(lambda: any(row.attempts for row in rows()))
    kill_group(worker.pid, signal.SIGKILL)

    start("worker")
    wait_for(all_ended, ageing=True)
    assert {row.state for row in rows()} == {"done"}
    assert effects() == (20, 20)


@pytest.mark.req("F10")
@pytest.mark.req("F49")
def test_what_kills_every_process_is_buried_alone_and_sounds_the_alarm(
    start: Start, tmp_path: Path
) -> None:
    for _ in range(10):
        send()
    send(deadly=int(signal.SIGKILL))
    send(deadly=int(signal.SIGABRT))
    start("worker")
    relays = [start("relay")]

    def ended() -> bool:
        # A relay that had to run it itself dies of it too, and ./run starts another.
        if relays[-1].poll() is not None:
            relays.append(start("relay"))
        return all_ended()

    wait_for(ended, ageing=True)
    dead = [row for row in rows() if row.state == "dead"]
    assert [(row.payload, row.attempts) for row in dead] == [
        ({"deadly": int(signal.SIGKILL)}, 3),
        ({"deadly": int(signal.SIGABRT)}, 3),
    ]
    assert effects() == (10, 10)
    assert standing().dead == 2
    (metric,) = [one for one in OutboxCollector().collect() if one.name == "portal_outbox_dead"]
    assert [sample.value for sample in metric.samples] == [2.0]
    assert "deliveries_buried" in (tmp_path / "relay.log").read_text()


@pytest.mark.req("F41")
@pytest.mark.req("F42")
def test_message_that_the_broker_forgot_is_found_by_the_relay(start: Start) -> None:
    for _ in range(30):
        send()
    start("relay")
    wait_for(lambda: tasks.waiting("outbox"))
    tasks._broker().flushdb()

    wait_for(all_ended, ageing=True)
    assert effects() == (30, 30)


@pytest.mark.req("F40")
def test_relay_works_alone_while_the_broker_is_away(start: Start, tmp_path: Path) -> None:
    for lane in (Lane.ORDINARY, Lane.SAFETY):
        send(lane=lane)
    relay = start("relay", REDIS_URL=f"unix://{tmp_path}/nobody.sock?db=0")
    wait_for(all_ended)
    assert effects() == (2, 2)

    # And it ends when it is told to.
    relay.terminate()
    assert relay.wait(PATIENCE_SECONDS) == 0


@pytest.mark.req("F15")
@pytest.mark.req("F24")
def test_relay_outlives_its_connections_and_ends_after_the_chunk_at_hand(
    start: Start, tmp_path: Path
) -> None:
    send()
    relay = start("relay", "task.mid=sleep:500", REDIS_URL=f"unix://{tmp_path}/nobody.sock?db=0")
    wait_for(all_ended)
    with psycopg.connect(SERVERS.postgres.url("postgres", SERVERS.database)) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'portal-relay'"
        )
    send()
    wait_for(all_ended)
    send()
    wait_for(lambda: rows()[-1].attempts)
    relay.terminate()
    assert relay.wait(PATIENCE_SECONDS) == 0
    assert all_ended()
    assert effects() == (3, 3)


@pytest.mark.req("F15")
def test_worker_that_is_told_to_stop_finishes_what_it_has_begun(start: Start) -> None:
    for _ in range(3):
        send()
    start("relay")
    worker = start("worker", "task.mid=sleep:2000")
    wait_for(lambda: any(row.attempts for row in rows()))
    worker.terminate()
    assert worker.wait(PATIENCE_SECONDS) == 0
    # Done or still to be done, with the effects that say so; nothing in between.
    done = sum(row.state == "done" for row in rows())
    assert done > 0
    assert effects() == (done, done)
    start("worker")
    wait_for(all_ended, ageing=True)
    assert effects() == (3, 3)


def _leased(count: int) -> dict[str, str]:
    for _ in range(count):
        send()
    [chunk] = leases.lease(Lane.ORDINARY, 100)
    return {"ids": ",".join(map(str, chunk.ids)), "token": str(chunk.token)}


@pytest.mark.req("F51")
def test_chunk_sent_a_hundred_times_to_four_workers_has_its_effects_once(start: Start) -> None:
    told = _leased(5)
    for _ in range(100):
        assert tasks.send(deliver, queue="outbox", **told)
    start("worker", CONCURRENCY="4")
    wait_for(lambda: all_ended() and tasks.waiting("outbox") == 0)
    assert [(row.state, row.attempts) for row in rows()] == [("done", 1)] * 5
    assert effects() == (5, 5)


class _Opens:
    """Unpickled, it would make a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return open, (str(self.file), "w")


@pytest.mark.req("F54")
def test_bytes_that_are_no_task_run_nothing_and_hold_up_nobody(
    start: Start, tmp_path: Path
) -> None:
    broker, ran = tasks._broker(), tmp_path / "ran"
    told = _leased(2)
    assert tasks.send(deliver, queue="outbox", **told)
    message = json.loads(broker.lindex("outbox", 0))
    pickled = base64.b64encode(pickle.dumps(((), {"ids": _Opens(ran)}, {}))).decode()
    strange = [
        b"\x80\x04\x95not json",
        b"{}",
        b"[1, 2]",
        json.dumps(
            message | {"body": pickled, "content-type": "application/x-python-serialize"}
        ).encode(),
        json.dumps(message | {"body": base64.b64encode(b"{{{").decode()}).encode(),
        json.dumps(message | {"headers": message["headers"] | {"task": "no.such.task"}}).encode(),
    ]
    for raw in strange:
        broker.rpush("outbox", raw)  # workers take from this end: these come first
    workers = [start("worker")]

    def ended() -> bool:
        # As ./run does: a worker that ends is started again.
        if workers[-1].poll() is not None:
            workers.append(start("worker"))
        return all_ended()

    wait_for(ended)
    assert effects() == (2, 2)
    assert not ran.exists()
    assert tasks.waiting("outbox") == 0


@pytest.mark.soak
@pytest.mark.req("F46")
def test_task_longer_than_the_visibility_timeout_starts_twice_and_has_its_effect_once(
    start: Start, tmp_path: Path
) -> None:
    send()
    start("relay")
    for _ in range(2):
        start("worker", "task.mid=sleep:14000", VISIBILITY_SECONDS="5")
    wait_for(all_ended)
    time.sleep(12)  # what comes again has time to come again
    assert [(row.state, row.attempts) for row in rows()] == [("done", 1)]
    assert effects() == (1, 1)
    assert (tmp_path / "worker.log").read_text().count("task_started") >= 2
