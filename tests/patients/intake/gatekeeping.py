"""What the tests of gates have in common: an owner who changes facts, and a look at a gate."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from patients.intake.jobs import STORED
from patients.models import Patient
from portal.core.ids import SYSTEM_ACCOUNT
from tests.patients.intake.story import job_of, tell
from tests.plugins.servers import SERVERS

Owner = psycopg.Connection[Any]
Statement = tuple[str, Sequence[Any]]


def connect_owner(name: str = "owner") -> Owner:
    """Return a connection of the owner's, who may do what the application may not."""
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    made = psycopg.connect(url, autocommit=True, application_name=name)
    made.execute(
        "SELECT set_config('portal.actor', %s, false), set_config('portal.reason', 'test', false)",
        [str(SYSTEM_ACCOUNT)],
    )
    return made


class Gate(NamedTuple):
    """A gate as it stands."""

    is_open: bool
    from_at: datetime | None
    to_at: datetime | None
    sessions: list[UUID] | None


def gate_of(owner: Owner, patient: Patient) -> Gate:
    """Return what the patient's gate says."""
    found = owner.execute(
        "SELECT is_open, from_at, to_at, sessions FROM patients_uploadgate WHERE patient_id = %s",
        [patient.pk],
    ).fetchone()
    assert found is not None
    return Gate(*found)


def statements(body: dict[str, Any], token: str) -> list[str]:
    """Write one report; return the statements that it took."""
    job = job_of(body, token)
    told = tell([job])
    assert job.outcome is not None and job.outcome.code == STORED
    return told


def meanwhile(owner: Owner, first: Sequence[Statement], second: Statement) -> None:
    """Have somebody do `second` after the first of `first`, in whose transaction the rest follows.

    They wait for it; both are done when this returns.
    """
    failed: list[Exception] = []

    def do() -> None:
        try:
            with connect_owner("other") as other:
                other.execute(*second)  # type: ignore[arg-type]  # SQL of the test's own
        except psycopg.Error as error:
            failed.append(error)

    with owner.transaction():
        owner.execute(*first[0])  # type: ignore[arg-type]  # SQL of the test's own
        other = threading.Thread(target=do)
        other.start()
        _see_waiting("other")
        for statement in first[1:]:
            owner.execute(*statement)  # type: ignore[arg-type]  # SQL of the test's own
        assert other.is_alive()
    other.join()
    assert failed == []


def _see_waiting(name: str) -> None:
    until = time.monotonic() + 30
    # A transaction sees the activity of its beginning: another one looks.
    with connect_owner() as looking:
        while looking.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = %s AND wait_event_type = 'Lock'",
            [name],
        ).fetchone() != (1,):
            assert time.monotonic() < until, "whoever comes second waits for the first"
            time.sleep(0.01)
