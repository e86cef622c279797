"""Keys are rotated while people work, and a rotation that died goes on where it was."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from pytest_django import Settings

from patients.models import Identity
from patients.services.identities import amend_identity
from patients.services.key_rotation import outdated, rotate_keys
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import TRACKED
from tests.patients.services.people import ring_text
from tests.patients.services.rotating import NAMES, PEOPLE, Ward, keys_in_use, rotate

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_batch_that_fails_is_taken_back_and_the_next_run_goes_on(
    failing: int, committed_ward: Ward, settings: Settings
) -> None:
    """The history table refuses the batch: rows, history and entry go back together."""
    rotation = rotate_keys(at=clock.now(), batch=3)
    for _ in range(failing - 1):
        next(rotation)
    done = PEOPLE - outdated().count()
    with owner() as server:
        server.execute("ALTER TABLE audit.patients_identityhistory "
                       "ADD CONSTRAINT fails CHECK (false) NOT VALID")  # fmt: skip
        with pytest.raises(Exception, match="fails"):
            next(rotation)
        server.execute("ALTER TABLE audit.patients_identityhistory DROP CONSTRAINT fails")

    assert PEOPLE - outdated().count() == done == 3 * (failing - 1)
    assert committed_ward.names() == NAMES
    rotate()
    assert keys_in_use() == {"new"}
    settings.IDENTITY_KEYS = ring_text("new")
    assert committed_ward.names() == NAMES


def owner() -> psycopg.Connection[Any]:
    """Connect as the owner of the tables."""
    return psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)


class Child:
    """A rotation in a process of its own, one batch at a time."""

    def __init__(self, batch: int, settings: Settings) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.patients.services.rotation_child", str(batch)],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "IDENTITY_KEYS": str(settings.IDENTITY_KEYS),
                "IDENTITY_INDEX_KEY": str(settings.IDENTITY_INDEX_KEY),
                "PORTAL_PROCESS": "rotation",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.hear() == "ready"

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


GONE = ("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'portal-rotation'")  # fmt: skip


def wait_for(question: str) -> None:
    deadline = time.monotonic() + 30
    with owner() as server:
        while True:
            row = server.execute(question).fetchone()
            if row and row[0]:
                return
            assert time.monotonic() < deadline, question
            time.sleep(0.02)


BLOCKED = ("SELECT count(*) = 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
           "WHERE d.datname = current_database() AND NOT l.granted")  # fmt: skip


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[], Child]]:
    """Start rotations of three rows a batch; none outlives the test."""
    children: list[Child] = []

    def start_one() -> Child:
        children.append(Child(3, settings))
        return children[-1]

    yield start_one
    for child in children:
        child.kill()


@pytest.mark.req("PV-07")
def test_rotation_killed_in_and_after_every_batch_goes_on(
    committed_ward: Ward, settings: Settings, start: Callable[[], Child]
) -> None:
    """SIGKILL while a batch writes, then after it was committed, batch by batch."""
    for batch in range(3):
        done = min(3 * batch, PEOPLE)
        child = start()
        with owner() as server, server.transaction():
            server.execute("LOCK TABLE audit.patients_identityhistory IN SHARE MODE")
            child.go()
            wait_for(BLOCKED)
            child.kill()
        wait_for(GONE)
        assert PEOPLE - outdated().count() == done

        child = start()
        child.go()
        done = min(done + 3, PEOPLE)
        assert child.hear() == str(done - 3 * batch)
        child.kill()
        wait_for(GONE)
        assert PEOPLE - outdated().count() == done
        assert committed_ward.names() == NAMES

    assert keys_in_use() == {"new"}
    assert TRACKED[Identity].objects.filter(pgh_label="update").count() == PEOPLE
    settings.IDENTITY_KEYS = ring_text("new")
    assert committed_ward.names() == NAMES


class Worker(threading.Thread):
    """Does something again and again until it is told to stop, and remembers what failed."""

    def __init__(self, act: Any) -> None:
        super().__init__(daemon=True)
        self.act, self.done, self.failure, self.stop = act, 0, None, threading.Event()

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.act()
                self.done += 1
        except BaseException as error:  # told to the test by the other thread
            self.failure = error
        finally:
            connection.close()


@pytest.fixture
def stopping() -> Iterator[list[Worker]]:
    """Workers that are stopped at the end, whatever happens."""
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.stop.set()
    for worker in workers:
        worker.join(30)


@pytest.mark.req("PV-07")
def test_rotation_goes_on_under_reads_and_writes(
    committed_ward: Ward, settings: Settings, stopping: list[Worker]
) -> None:
    ward, rng = committed_ward, random.Random(20261121)
    written = dict.fromkeys(range(PEOPLE), "")

    def look() -> None:
        number = rng.randrange(PEOPLE)
        name = ward.read(ward.patients[number]).name
        assert name is not None
        assert name.startswith(f"Person {number}")

    def write() -> None:
        number = rng.randrange(PEOPLE)
        name = f"Person {number} {rng.random()}"
        amend_identity(
            patient=ward.patients[number],
            changes={"name": name},
            by=User.objects.get(pk=ward.by.pk),
            at=clock.now(),
            reason="test",
        )
        written[number] = name

    writer = Worker(write)
    stopping += [Worker(look), Worker(look), writer]
    for worker in stopping:
        worker.start()
    rings = ["new,old", "newer,new", "newest,newer"]
    for names in rings:
        settings.IDENTITY_KEYS = ring_text(*names.split(","))
        rotate(batch=2)
        assert keys_in_use() == {names.partition(",")[0]}
        wait_until_each_did_more(stopping)
    for worker in stopping:
        worker.stop.set()
        worker.join(30)

    assert [worker.failure for worker in stopping] == [None] * 3
    settings.IDENTITY_KEYS = ring_text("newest")
    expected = [written[number] or NAMES[number] for number in range(PEOPLE)]
    assert ward.names() == expected


def wait_until_each_did_more(workers: list[Worker]) -> None:
    before = [worker.done for worker in workers]
    deadline = time.monotonic() + 30
    while any(
        worker.done <= done and worker.failure is None
        for worker, done in zip(workers, before, strict=True)
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_row_that_somebody_changes_is_waited_for(committed_ward: Ward) -> None:
    """A writer holds one row, then lets go: the rotation comes back to it."""
    row = Identity.objects.order_by("pk").first()
    assert row is not None
    with owner() as server:
        server.execute("BEGIN")
        server.execute("SELECT 1 FROM identity.patients_identity WHERE id = %s FOR UPDATE",
                       [row.pk])  # fmt: skip
        releasing = threading.Timer(0.5, lambda: server.execute("COMMIT"))
        releasing.start()
        assert rotate()[-1] == PEOPLE
        releasing.join()

    assert keys_in_use() == {"new"}
