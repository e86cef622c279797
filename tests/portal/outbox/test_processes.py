"""Relay and worker as real processes, killed where it hurts: 0 lost and 0 twice."""

import os
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
from portal.outbox.kinds import Lane
from portal.outbox.registry import handles_many
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
    assert killed.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert not all_ended()

    start("relay")
    start("worker")
    wait_for(all_ended, ageing=True)
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
def test_what_kills_every_process_is_buried_alone(start: Start) -> None:
    for _ in range(10):
        send()
    send(deadly=1)
    start("worker")
    relays = [start("relay")]

    def ended() -> bool:
        # A relay that had to run it itself dies of it too, and ./run starts another.
        if relays[-1].poll() is not None:
            relays.append(start("relay"))
        return all_ended()

    wait_for(ended, ageing=True)
    dead = [row for row in rows() if row.state == "dead"]
    assert [(row.payload, row.attempts) for row in dead] == [({"deadly": 1}, 3)]
    assert effects() == (10, 10)


@pytest.mark.req("F9")
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
