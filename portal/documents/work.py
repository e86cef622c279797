"""A piece of work under way: its steps, its percentage, its file, and whether it should stop.

Progress is written from a thread of its own, on a connection of its own, in short transactions: the
work may hold one open for minutes. The same thread tells that the work is alive and hears that it
was canceled; the work itself looks between its steps.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from portal.accounts.models import User
from portal.core import clock
from portal.documents import store
from portal.documents.models import Report, ReportUpload
from portal.documents.rules import percent_of
from portal.documents.services import running
from portal.documents.services.progress import tell
from portal.documents.services.running import Lease, LeaseLost
from portal.documents.store import Output
from portal.documents.vocabulary import Told

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
# Between two lines of progress; what comes in between is joined.
LEAST_SECONDS = 0.25


class Canceled(Exception):
    """Somebody wants no more of this report."""


class Stopping(Exception):
    """The process is about to end; somebody else will begin anew."""


@dataclass(slots=True)
class _Line:
    kind: Told
    percent: int
    step: str
    done: int | None
    total: int | None


class Pulse:
    """Keeps the lease and writes progress, while the block runs."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._lines: list[_Line] = []
        self._lock = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="report-pulse", daemon=True)
        self.is_canceled = self.is_lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._wake.set()
        self._thread.join()

    def say(self, line: _Line) -> None:
        """Write a line soon; a percentage that nobody has seen yet gives way to the next one."""
        with self._lock:
            if self._lines and line.kind is Told.PERCENT and self._lines[-1].kind is Told.PERCENT:
                self._lines[-1] = line
            else:
                self._lines.append(line)
        self._wake.set()

    def _run(self) -> None:
        deadline = clock.now() + running.LEASE
        try:
            while not self.is_lost:
                is_last = self._ended.is_set()
                self._wake.clear()
                try:
                    self._beat()
                    deadline = clock.now() + running.LEASE
                except LeaseLost:
                    self.is_lost = True
                except (DatabaseError, InterfaceError) as error:
                    # Without the database nobody can take it from us either, for a while.
                    log.warning("report_pulse_waits", error=type(error).__name__)
                    connection.close()
                    self.is_lost = clock.now() > deadline
                if is_last:
                    return
                self._ended.wait(LEAST_SECONDS)
                self._wake.wait(BEAT_SECONDS)
        finally:
            connection.close()

    def _beat(self) -> None:
        at = clock.now()
        self.is_canceled = running.keep(self._lease, at=at) or self.is_canceled
        with self._lock:
            lines = list(self._lines)
        if not lines:
            return
        with transaction.atomic():
            report = running.held(self._lease)
            for line in lines:
                tell(
                    report,
                    line.kind,
                    at=at,
                    percent=line.percent,
                    step=line.step,
                    done=line.done,
                    total=line.total,
                )
        with self._lock:
            self._forget(lines)

    def _forget(self, written: list[_Line]) -> None:
        known = set(map(id, written))
        self._lines = [line for line in self._lines if id(line) not in known]


class Work:
    """What a kind of report is given to do its work with."""

    def __init__(self, report: Report, pulse: Pulse, is_stopping: threading.Event) -> None:
        self.report = report
        self._pulse, self._is_stopping = pulse, is_stopping
        self._step, self._percent = "", 0
        self.output: Output | None = None

    @property
    def user(self) -> User:
        """Who asked for it; their rights are those of the moment when the work began."""
        return self.report.requested_by

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        parameters: Mapping[str, Any] = self.report.parameters
        return parameters

    @property
    def upload(self) -> ReportUpload | None:
        """The file that was sent for it."""
        return self.report.upload

    def check(self) -> None:
        """Stop where stopping is wanted. Raises: Canceled, Stopping, LeaseLost."""
        if self._pulse.is_lost:
            raise LeaseLost()
        if self._pulse.is_canceled:
            raise Canceled()
        if self._is_stopping.is_set():
            raise Stopping()

    def step(self, name: str, *, percent: int | None = None) -> None:
        """Begin a step. Raises: Canceled, Stopping, LeaseLost."""
        self.check()
        self._step = name
        self._percent = self._percent if percent is None else percent
        self._pulse.say(_Line(Told.STEP, self._percent, name, None, None))

    def advance(self, done: int, total: int) -> None:
        """Tell how much of the whole is done. Raises: Canceled, Stopping, LeaseLost."""
        self.check()
        percent = max(self._percent, percent_of(done, total))
        if percent != self._percent:
            self._percent = percent
            self._pulse.say(_Line(Told.PERCENT, percent, self._step, done, total))

    @contextmanager
    def writing(self, extension: str, content_type: str) -> Iterator[Output]:
        """Write the report's file; it appears when the work has ended well."""
        with store.writing(self.report.pk, self.report.attempts, extension, content_type) as output:
            yield output
        self.output = output

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Return an empty folder for the time of the work."""
        with store.workspace(self.report.pk) as path:
            yield path
