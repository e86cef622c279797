"""Connections that do not wait for ever for a database which takes everything and says nothing.

TCP's own limit (tcp_user_timeout) notices packets that nobody acknowledges. It does not notice a
server, or something in front of it, that acknowledges them and never answers (F25).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.pq.abc import PGconn

# A second more than the server itself lets a statement of the web process take.
WEB_SECONDS = 9.0
# The pool asks each connection whether it lives, and when one does not, the next: a dozen in ten
# seconds.
CHECK_SECONDS = 0.75


def has_ended(connection: PGconn) -> bool:
    """Whether the server has hung up on a connection of which nothing is asked just now.

    Nobody is waited for. What a server says before it ends comes first, and its end after that.
    """
    if connection.status == ConnStatus.BAD:
        return True
    if connection.transaction_status == TransactionStatus.ACTIVE:
        return False  # whoever waits for the answer reads it
    try:
        for _ in range(2):
            connection.consume_input()
    except psycopg.OperationalError:
        return True
    return False


class _Looking(threading.local):
    """Whether this thread looks at all connections of a pool."""

    is_on = False


_looking = _Looking()


def _look_at_all_of(pool: Any) -> None:
    """Replace every connection of a pool that the server has ended; nobody else is asked.

    A server that says nothing would keep the one who looks for as many times as there are
    connections (F25).
    """
    _looking.is_on = True
    try:
        pool.check()
    finally:
        _looking.is_on = False


class BoundedConnection(psycopg.Connection[Any]):
    """Waits so long for each answer; then the connection is broken, as if the server had ended."""

    patience: float | None = WEB_SECONDS

    def execute(self, query: Any, *arguments: Any, **more: Any) -> Any:
        """Execute a statement; the empty one is the pool's question whether anybody is there.

        Where the server has ended one connection it has ended others: the pool looks at all that it
        holds. By itself it takes up one after the other, ever more slowly, until nobody waits.
        """
        if query != "":
            return super().execute(query, *arguments, **more)
        if has_ended(self.pgconn):
            lender: Any = getattr(self, "_pool", None)
            if lender is not None and not _looking.is_on:
                _look_at_all_of(lender)
            raise psycopg.OperationalError("the server has ended this connection")
        if _looking.is_on:
            return None
        with patient(self, min(CHECK_SECONDS, self.patience or CHECK_SECONDS)):
            return super().execute(query, *arguments, **more)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer. Raises: OperationalError, the connection closed if none came."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


@contextmanager
def patient(raw: Any, seconds: float) -> Iterator[None]:
    """Wait longer for what may take longer: `seconds` for each answer of this connection."""
    before, raw.patience = getattr(raw, "patience", None), seconds
    try:
        yield
    finally:
        raw.patience = before
