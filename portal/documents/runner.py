"""The runner: takes reports from the queue, one after the other, and sees each to its end.

A program of its own (ADR 0012): no task's time limit cuts an import short, no broker gives it out
twice, and nothing of it stands in the way of the safety lane.
"""

import contextlib
import errno
import os
import select
import signal
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from portal.core import clock
from portal.core.errors import DomainError
from portal.core.history import Source, under
from portal.documents.kinds import find_kind
from portal.documents.models import Report
from portal.documents.services import running
from portal.documents.services.progress import CHANNEL
from portal.documents.services.running import Lease, LeaseLost
from portal.documents.work import Canceled, Pulse, Stopping, Work

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0
RETRY_SECONDS = 1.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Runner:
    """Works until it is stopped."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)

    def stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        """End at the next step; the report at hand goes back into the queue."""
        self._stopping.set()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    def run(self) -> None:
        """Work until stopped; a database that is away is waited for."""
        while not self._stopping.is_set():
            try:
                self._run_connected()
            except (psycopg.Error, DatabaseError, InterfaceError, OSError) as error:
                log.warning("report_runner_waits", error=type(error).__name__)
                connection.close()
                self._wait(None, RETRY_SECONDS)

    def _run_connected(self) -> None:
        own = connection.copy()
        try:
            with own.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            while not self._stopping.is_set():
                if not self.run_next():
                    self._wait(own, POLL_SECONDS)
        finally:
            own.close()

    def run_next(self) -> bool:
        """Work at the next report, if there is one; tell whether there was."""
        taken = running.take_next(at=clock.now())
        if taken is None:
            return False
        report, lease = taken
        name = f"report-{report.pk}"
        with (
            structlog.contextvars.bound_contextvars(report=str(report.pk), kind=report.kind),
            under(source=Source.TASK, request_id=name),
        ):
            log.info("report_started", attempt=report.attempts)
            self._see_through(report, lease)
        return True

    def _see_through(self, report: Report, lease: Lease) -> None:
        try:
            with Pulse(lease) as pulse:
                work = Work(report, pulse, self._stopping)
                work.check()
                find_kind(report.kind).make(work)
            finished = running.finish(lease, work.output, at=clock.now())
            log.info("report_finished", size=finished.size or 0)
        except LeaseLost:
            log.warning("report_lost")
        except Canceled:
            running.cancel(lease, at=clock.now())
            log.info("report_canceled")
        except Stopping:
            running.give_back(lease, at=clock.now())
        except DomainError as refused:
            running.fail(lease, refused.code, refused.detail, at=clock.now())
            log.warning("report_refused", code=refused.code)
        except OperationalError as error:
            # The connection or the server ended: the lease ends too, and the work begins anew.
            log.warning("report_interrupted", error=type(error).__name__)
            raise
        except Exception as error:
            _fail(lease, error)

    def _wait(self, own: Any, seconds: float) -> None:
        heard = [self._wake_reader]
        if own is not None:
            heard.append(own.connection.fileno())
        select.select(heard, [], [], seconds)
        if own is not None:
            for _ in own.connection.notifies(timeout=0):
                pass


def _fail(lease: Lease, error: Exception) -> None:
    is_full = isinstance(error, OSError) and error.errno in _FULL
    # The text of an exception may hold values of the data; its place does not.
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    log.error("report_failed", error=type(error).__qualname__, where=where)
    running.fail(lease, "no_space" if is_full else "internal_error", at=clock.now())
