"""Programs of which one is active: another stands by, and a database that is away is waited for."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from portal.core.programs import Program

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 30.0


class Counter(Program):
    """Counts how often it began to work, and how often it was woken."""

    name = "counter"
    channel = "counter"
    lock = 0x7E57_0001

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[int] = []
        self.is_active = threading.Event()

    def work(self, own: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.rounds.append(cursor.fetchone()[0])
        self.is_active.set()
        while not self.stopping.is_set():
            self.wait(own, PATIENCE)


class Running:
    """A program in a thread, as its process would run it."""

    def __init__(self, program: Counter) -> None:
        self.program = program
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.program.run()
        finally:
            connection.close()

    def end(self) -> None:
        self.program.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def first() -> Iterator[Running]:
    """An active program."""
    running = Running(Counter())
    assert running.program.is_active.wait(PATIENCE)
    yield running
    running.end()


@pytest.fixture
def second(first: Running) -> Iterator[Running]:
    """One that stands by."""
    running = Running(Counter())
    yield running
    running.end()


def test_another_stands_by_until_the_first_ends(first: Running, second: Running) -> None:
    assert not second.program.is_active.is_set()
    first.end()
    assert second.program.is_active.wait(PATIENCE)


def test_one_that_stands_by_ends_when_it_is_stopped(first: Running, second: Running) -> None:
    second.end()
    assert second.program.rounds == []


def test_program_whose_connection_was_ended_becomes_active_again(first: Running) -> None:
    program = first.program
    program.is_active.clear()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [program.rounds[0]])
    assert program.is_active.wait(PATIENCE)
    assert len(program.rounds) == 2
