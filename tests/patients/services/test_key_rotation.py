"""Keys are rotated while people work, and a rotation that died goes on where it was."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from patients.models import Identity, IdentityKey, Patient
from patients.services.identities import amend_identity, find_by_name, read_identity
from patients.services.identity_keys import ring_of
from patients.services.key_rotation import outdated, rotate_keys
from patients.services.personal_data import PersonalData
from patients.vocabulary import IdentityPurpose
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.sealed import KeyMissing, Place, key_id_of
from tests.access.world import World, add_patient, make_world
from tests.patients.services.people import identify, index_text, investigator, person, ring_text

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = 7


class Ward:
    """Patients of one site, whose identities were sealed under the key `old`."""

    def __init__(self, settings: Settings) -> None:
        settings.IDENTITY_KEYS = ring_text("old")
        settings.IDENTITY_INDEX_KEY = index_text("old")
        world = make_world()
        self.by = investigator(world, world.sites[0])
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            added = [add_patient(World(), world.sites[0], f"R-{n}") for n in range(PEOPLE - 2)]
        self.patients = [*world.patients[:2], *added]
        for number, patient in enumerate(self.patients):
            identify(patient, self.by, name=f"Person {number}")
        settings.IDENTITY_KEYS = ring_text("new", "old")

    def read(self, patient: Patient) -> PersonalData:
        return read_identity(
            patient=patient, by=self.by, at=clock.now(), purpose=IdentityPurpose.CARE
        )

    def names(self) -> list[str | None]:
        return [self.read(patient).name for patient in self.patients]


NAMES = [f"Person {number}" for number in range(PEOPLE)]


@pytest.fixture
def ward(db: None, settings: Settings) -> Ward:
    return Ward(settings)


@pytest.fixture
def committed_ward(transactional_db: None, settings: Settings) -> Ward:
    return Ward(settings)


def keys_in_use() -> set[str]:
    return set(IdentityKey.objects.values_list("key_id", flat=True))


def rotate(batch: int = 3) -> list[int]:
    return [step.done for step in rotate_keys(at=clock.now(), batch=batch)]


@pytest.mark.req("PV-07")
def test_after_rotation_nothing_needs_the_old_key(ward: Ward, settings: Settings) -> None:
    assert rotate() == [3, 6, 7]

    assert keys_in_use() == {"new"}
    settings.IDENTITY_KEYS = ring_text("new")
    assert ward.names() == NAMES
    assert ward.read(ward.patients[0]) == person(name="Person 0")


def test_rotation_changes_every_ciphertext_and_its_nonce(ward: Ward) -> None:
    columns = ("name", "birth_date", "contact", "identifiers")
    before = {bytes(v) for row in Identity.objects.values_list(*columns) for v in row}
    rotate()
    after = {bytes(v) for row in Identity.objects.values_list(*columns) for v in row}

    assert len(before) == len(after) == PEOPLE * 4
    assert not before & after


def test_second_rotation_finds_nothing_to_do(ward: Ward) -> None:
    rotate()
    assert rotate() == []


def test_index_key_is_rotated_likewise(ward: Ward, settings: Settings) -> None:
    settings.IDENTITY_KEYS = ring_text("old")
    settings.IDENTITY_INDEX_KEY = index_text("new", "old")
    assert outdated().count() == PEOPLE
    rotate()

    settings.IDENTITY_INDEX_KEY = index_text("new")
    assert find_by_name(name="person 3", by=ward.by, at=clock.now()) == [ward.patients[3]]
    assert not outdated().exists()


@pytest.mark.req("P11-12")
def test_rotation_is_in_the_history_and_in_the_audit_trail(ward: Ward) -> None:
    rotate()

    rows = TRACKED[Identity].objects.filter(pgh_label="update")
    assert {(row.acted_by, row.acted_reason) for row in rows} == {(SYSTEM_ACCOUNT, "keys rotated")}
    assert rows.count() == PEOPLE
    entries = AuditEntry.objects.filter(action="keys_rotated").order_by("id")
    assert [entry.detail for entry in entries] == [{"key_id": "new", "rows": n} for n in (3, 3, 1)]


@pytest.mark.req("F112")
def test_row_whose_key_is_gone_stays_and_is_named(ward: Ward, settings: Settings) -> None:
    settings.IDENTITY_KEYS = ring_text("lost")
    amended = Identity.objects.order_by("pk").first()
    assert amended is not None
    settings.IDENTITY_KEYS = ring_text("lost", "old")
    amend_identity(
        patient=ward.patients[0], changes={"name": "Lost"}, by=ward.by, at=clock.now(), reason="x"
    )
    lost = Identity.objects.get(keys__key_id="lost")
    settings.IDENTITY_KEYS = ring_text("new", "old")
    err = StringIO()

    with pytest.raises(
        CommandError, match="6 identities and 0 push subscriptions sealed anew, 1 do not open"
    ):
        call_command("rotate_keys", batch=2, stderr=err)

    assert str(lost.pk) in err.getvalue()
    assert bytes(Identity.objects.get(pk=lost.pk).name or b"") == bytes(lost.name or b"")
    settings.IDENTITY_KEYS = ring_text("new", "lost")
    with pytest.raises(
        CommandError, match="1 identities and 0 push subscriptions sealed anew, 1 do not open"
    ):
        call_command("rotate_keys", stderr=err)
    settings.IDENTITY_KEYS = ring_text("new")
    assert ward.names() == ["Lost", *NAMES[1:]]
    settings.IDENTITY_KEYS = ring_text("new", "old")  # what history needs is wrapped anew too
    call_command("rotate_keys", stdout=StringIO())
    assert keys_in_use() == {"new"}


def test_keys_of_earlier_writings_are_wrapped_anew(ward: Ward, settings: Settings) -> None:
    rotate()
    settings.IDENTITY_KEYS = ring_text("new")

    first: Any = TRACKED[Identity]._default_manager.filter(pgh_label="insert").earliest("pgh_id")
    key = IdentityKey.objects.get(pk=key_id_of(bytes(first.name)))
    place = Place("patients_identity", "name", first.pgh_obj_id)
    assert ring_of(key, "person_key").open(bytes(first.name), place) == b'"Person 0"'


@pytest.mark.parametrize("name", ["IDENTITY_KEYS", "IDENTITY_INDEX_KEY"])
def test_rotation_without_keys_is_refused(name: str, ward: Ward, settings: Settings) -> None:
    setattr(settings, name, "")

    with pytest.raises(CommandError, match="is missing"):
        call_command("rotate_keys")
    with pytest.raises(KeyMissing):
        rotate()
    assert keys_in_use() == {"old"}


@pytest.mark.parametrize("batch", ["0", "-1", "x", "10001"])
def test_batch_is_a_sensible_number(batch: str, ward: Ward) -> None:
    with pytest.raises(CommandError, match="rows from 1 to 10000"):
        call_command("rotate_keys", "--batch", batch)


def test_command_says_what_it_did(ward: Ward) -> None:
    out = StringIO()
    call_command("rotate_keys", stdout=out)

    said = "7 identities sealed anew and 0 push subscriptions, all under new\n"
    assert out.getvalue() == said


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
