"""Run a leased chunk: count the attempt, run the handler, commit its effects with the receipt.

Nothing here may lose a row or do it twice. What a message says twice, or late, finds no lease; what
dies between two commits leaves a lease that ends.
"""

import time
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from portal.core.failpoints import failpoint
from portal.core.failures import describe
from portal.core.history import Source, under
from portal.outbox import leases
from portal.outbox.leases import Chunk, Started
from portal.outbox.registry import HANDLERS, Handler

log = structlog.get_logger(__name__)

# Deadlock, serialization failure: the same work succeeds when it is done again.
_AGAIN = frozenset({"40001", "40P01"})
_MOST_AGAIN = 3
# How long a database is waited for that ended under a handler: as long as the lease holds.
GIVE_BACK_SECONDS = leases.STARTED_SECONDS - 5
GIVE_BACK_PAUSE_SECONDS = 0.5


class NotOurs(Exception):
    """The lease went to somebody else before the handler began."""


def run_chunk(chunk: Chunk) -> int:
    """Run what is still leased under the chunk's token; return how many deliveries were started.

    Raises: OperationalError when the database is away; every lease ends by itself.
    """
    return run(chunk.ids, chunk.token)


def run(ids: Sequence[int], token: datetime) -> int:
    """Run deliveries of one handler; see run_chunk."""
    started = leases.start(ids, token)
    if not started:
        return 0
    failpoint("task.before_effect")
    handler = HANDLERS.get(started[0].handler)
    readable = [one for one in started if handler and handler.reads(one.kind, one.version)]
    unknown = [one for one in started if one not in readable]
    if unknown:
        _quarantine(unknown, handler)
    if handler is None or not readable:
        return len(started)
    if handler.is_ordered or len(readable) == 1 or not _attempt(handler, readable, alone=False):
        for one in readable:
            _attempt(handler, [one], alone=True)
    return len(started)


def _attempt(handler: Handler, started: Sequence[Started], *, alone: bool) -> bool:
    """Run the handler once and tell whether it ended well; alone, a failure is written down."""
    for _ in range(_MOST_AGAIN):
        try:
            _run_once(handler, started)
        except NotOurs:
            return True
        except (OperationalError, InterfaceError) as error:
            if _sqlstate(error) in _AGAIN:
                continue
            if _is_gone(error):
                _give_back(started, error)
                raise
            return _fail(handler, started, error) if alone else False
        except Exception as error:
            return _fail(handler, started, error) if alone else False
        failpoint("task.after_effect")
        return True
    return _fail(handler, started, "the database chose others again and again") if alone else False


def _run_once(handler: Handler, started: Sequence[Started]) -> None:
    first, last = started[0].id, started[-1].id
    name = f"delivery-{first}" if first == last else f"deliveries-{first}-{last}"
    with under(source=Source.TASK, request_id=name), transaction.atomic():
        # First, so that the rows are locked while the handler runs and nobody else can lease them.
        ours = leases.receipt(started)
        if not ours:
            raise NotOurs
        handler.run([one.message for one in started if one.message and one.id in ours])
        failpoint("task.mid")


def _fail(handler: Handler, started: Sequence[Started], error: Exception | str) -> bool:
    told = error if isinstance(error, str) else describe(error)
    dead = leases.failed(started, told)
    for one in started:
        log.error(
            "delivery_died" if dead else "delivery_failed",
            delivery=one.id,
            handler=handler.name,
            kind=one.kind,
            attempt=one.attempts,
            error=told,
        )
    return False


def _quarantine(started: Sequence[Started], handler: Handler | None) -> None:
    """Let it wait for a process that can read it: a newer one wrote it, and soon runs here too."""
    for one in started:
        what = f"no {one.kind} version {one.version}" if handler else "there is no such handler"
        leases.failed([one], f"quarantine: {what}")
        log.error("delivery_quarantined", delivery=one.id, handler=one.handler, error=what)


def _give_back(started: Sequence[Started], error: Exception) -> None:
    """Undo the count when the database is there again; after the lease somebody else counts on.

    Otherwise a database that ends three times would be held against work that it interrupted.
    """
    if connection.in_atomic_block:
        return
    until = time.monotonic() + GIVE_BACK_SECONDS
    while True:
        connection.close()
        try:
            leases.give_back(started, f"the database was away: {type(error).__name__}")
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() >= until:
                return
            time.sleep(GIVE_BACK_PAUSE_SECONDS)
        else:
            return


def _sqlstate(error: Exception) -> str:
    return str(getattr(error.__cause__, "sqlstate", None) or "")


def _is_gone(error: Exception) -> bool:
    """Whether the connection or the server ended, which is no fault of the handler."""
    state = _sqlstate(error)
    return not state or state.startswith(("08", "57P"))
