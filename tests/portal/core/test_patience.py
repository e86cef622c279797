"""A connection that gets no answer is broken in time; what may take longer says so."""

import select
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from portal.patience import BoundedConnection, has_ended, patient
from tests.plugins.servers import SERVERS


@pytest.fixture
def bounded(db: None) -> Iterator[BoundedConnection]:
    url = SERVERS.postgres.url("portal_app", SERVERS.database)
    with BoundedConnection.connect(url, autocommit=True) as made:
        made.patience = 0.2
        yield made


@pytest.mark.req("F25")
def test_answer_that_does_not_come_breaks_the_connection(bounded: BoundedConnection) -> None:
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        bounded.execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 30
    assert bounded.closed


def test_what_is_refused_or_comes_in_time_keeps_it(bounded: BoundedConnection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        bounded.execute("SELECT 1/0")
    assert bounded.execute("SELECT 1").fetchone() == (1,)


def test_question_whether_the_server_is_there_is_answered(bounded: BoundedConnection) -> None:
    bounded.patience = None
    ConnectionPool.check_connection(bounded)
    assert bounded.patience is None
    bounded.close()
    with pytest.raises(psycopg.OperationalError):
        ConnectionPool.check_connection(bounded)


def test_what_may_take_longer_is_waited_for(bounded: BoundedConnection) -> None:
    with patient(bounded, 30):
        assert bounded.execute("SELECT 1 FROM pg_sleep(0.5)").fetchone() == (1,)
    assert bounded.patience == 0.2


def end(*pids: int) -> None:
    """Let the server end connections, and wait until they have ended."""
    with psycopg.connect(SERVERS.postgres.url("postgres", SERVERS.database)) as superuser:
        superuser.execute("SELECT pg_terminate_backend(id, 60000) FROM unnest(%s) AS id", [[*pids]])


@pytest.mark.req("F24")
def test_end_of_a_connection_is_seen_without_asking(bounded: BoundedConnection) -> None:
    assert not has_ended(bounded.pgconn)
    end(bounded.info.backend_pid)
    assert has_ended(bounded.pgconn)
    assert bounded.closed


def test_what_the_server_says_unasked_is_no_end(bounded: BoundedConnection) -> None:
    bounded.execute("LISTEN told")
    with psycopg.connect(SERVERS.postgres.url("portal_app", SERVERS.database)) as other:
        other.execute("NOTIFY told, 'something'")
    assert select.select([bounded.fileno()], [], [], 60)[0]
    assert not has_ended(bounded.pgconn)
    assert bounded.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.req("F24")
def test_pool_whose_connections_have_all_ended_lends_a_new_one_to_who_comes_next(db: None) -> None:
    """As many as a web process may hold, and who waits no longer than it lets anybody wait."""
    with ConnectionPool(
        SERVERS.postgres.url("portal_app", SERVERS.database),
        connection_class=BoundedConnection,
        kwargs={"autocommit": True},
        min_size=12,
        timeout=1.5,
        check=ConnectionPool.check_connection,
    ) as pool:
        pool.wait()
        held = [pool.getconn() for _ in range(12)]
        for one in held:
            pool.putconn(one)
        end(*(one.info.backend_pid for one in held))
        with pool.connection() as lent:
            assert lent.execute("SELECT 1").fetchone() == (1,)
        assert pool.get_stats()["connections_lost"] == 12
