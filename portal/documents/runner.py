"""The runner: takes reports from the queue, one after the other, and sees each to its end.

A program of its own (ADR 0012): no task's time limit cuts an import short, no broker gives it out
twice, and nothing of it stands in the way of the safety lane.
"""

import errno
from typing import Any

import structlog
from django.db import OperationalError

from portal.core import clock
from portal.core.errors import DomainError
from portal.core.failures import describe
from portal.core.history import Source, under
from portal.core.programs import Program
from portal.documents.kinds import find_kind
from portal.documents.models import Report
from portal.documents.services import running
from portal.documents.services.progress import CHANNEL
from portal.documents.services.running import Lease, LeaseLost
from portal.documents.work import Canceled, Pulse, Stopping, Work

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Runner(Program):
    """Works until it is stopped; the report at hand goes back into the queue at its next step."""

    name = "report_runner"
    channel = CHANNEL

    def work(self, own: Any) -> None:
        """Work at one report after the other until stopped."""
        while not self.stopping.is_set():
            if not self.run_next():
                self.wait(own, POLL_SECONDS)

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
                work = Work(report, pulse, self.stopping)
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


def _fail(lease: Lease, error: Exception) -> None:
    is_full = isinstance(error, OSError) and error.errno in _FULL
    log.error("report_failed", error=describe(error))
    running.fail(lease, "no_space" if is_full else "internal_error", at=clock.now())
