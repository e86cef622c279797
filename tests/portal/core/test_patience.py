"""A connection that gets no answer is broken in time; what may take longer says so."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from portal.patience import BoundedConnection, patient
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
