"""A phone: it sends what its outbox holds, again and again with the same ids, until it is taken.

Each attempt leaves two lines of history: `invoke`, and what became of it. `ok` was taken, `fail`
was refused and is not there, `info` may be either.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from portal.demo.generator.draws import Draws
from portal.demo.simulation.connection import Connection, ConnectionBroken, Reply
from portal.demo.simulation.outbox import Outbox, Upload

API = "/api/v1/"
REPORTS, VITALS, BATCH = "intake/epro-reports/", "intake/vitals/", "intake/batch/"
MOST_IN_A_BATCH = 500  # contract.md, intake/batch/
ACCEPTED = 202
COME_AGAIN = frozenset({429, 503})
# The token is no good: what waits in the outbox stays there.
SHUT_OUT = frozenset({401, 403})


class Step(StrEnum):
    """What a line of history says."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a phone's history; `t` is the machine's monotonic clock in seconds."""

    step: Step
    op: str
    key: UUID
    patient: UUID
    body_hash: str
    t: float
    status: int = 0


@dataclass(frozen=True, slots=True)
class Manners:
    """How long a phone waits: for an answer, and before it tries again. In seconds."""

    answer_within: float = 30.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    # Tests hurry; a Retry-After is shortened by as much as everything else.
    hurry: float = 1.0
    # Of the connections, how many break after the request was sent.
    hang_ups: float = 0.0
    batch_from: int = 2


def digest(body: bytes) -> str:
    """Return the hash of what a body says: equal after JSON parsing, equal hash."""
    said = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


class Phone:
    """One patient's phone."""

    def __init__(
        self,
        *,
        patient: UUID,
        token: str,
        url: str,
        draws: Draws,
        outbox: Outbox | None = None,
        manners: Manners | None = None,
        tell: Callable[[Line], None] = lambda line: None,
    ) -> None:
        self.patient, self.token = patient, token
        self.outbox = outbox or Outbox()
        self.refused: list[tuple[UUID, int]] = []
        self.is_shut_out = False
        self._connection = Connection(url)
        self._draws, self._manners, self._tell = draws, manners or Manners(), tell
        self._failures = 0

    async def send_all(self) -> None:
        """Send until the outbox is empty or the token is refused."""
        while self.outbox.pending and not self.is_shut_out:
            wait = await self.send_once()
            if wait:
                await asyncio.sleep(wait)

    async def send_once(self) -> float:
        """Make one attempt at the oldest upload, or at all reports that wait, in one call.

        Return how many seconds to stay away.
        """
        waiting = list(self.outbox.pending.values())
        if not waiting:
            return 0.0
        reports = [upload for upload in waiting if upload.path == REPORTS][:MOST_IN_A_BATCH]
        if len(reports) >= self._manners.batch_from:
            return await self._attempt(BATCH, reports, together(reports))
        return await self._attempt(waiting[0].path, waiting[:1], waiting[0].body)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def _attempt(self, path: str, uploads: Sequence[Upload], body: bytes) -> float:
        for upload in uploads:
            self._note(Step.INVOKE, path, upload)
        try:
            reply = await self._connection.request(
                "POST",
                API + path,
                token=self.token,
                body=body,
                seconds=self._manners.answer_within,
                hang_up=self._draws.chance(self._manners.hang_ups),
            )
        except ConnectionBroken:
            reply = Reply(0, {}, b"")
        for upload, status in zip(uploads, statuses(path, reply, len(uploads)), strict=True):
            self._conclude(path, upload, status)
        if reply.status and reply.status not in COME_AGAIN:
            self._failures = 0
            return 0.0
        return self._wait(reply.retry_after_seconds)

    def _conclude(self, path: str, upload: Upload, status: int) -> None:
        if status == ACCEPTED:
            self._note(Step.OK, path, upload, status)
            self.outbox.settle(upload.submission_id)
        elif status == 0 or status >= 500:
            self._note(Step.INFO, path, upload, status)
        else:
            self._note(Step.FAIL, path, upload, status)
            if status in SHUT_OUT:
                self.is_shut_out = True
            elif status not in COME_AGAIN:
                self.refused.append((upload.submission_id, status))
                self.outbox.settle(upload.submission_id)

    def _wait(self, retry_after: float) -> float:
        """Double with each failure, never sooner than asked, and never all phones at once."""
        most = min(self._manners.first_wait * 2**self._failures, self._manners.longest_wait)
        self._failures = min(self._failures + 1, 16)
        return (retry_after + self._draws.uniform(most / 2, most)) / self._manners.hurry

    def _note(self, step: Step, path: str, upload: Upload, status: int = 0) -> None:
        line = Line(
            step,
            path,
            upload.submission_id,
            self.patient,
            digest(upload.body),
            time.monotonic(),
            status,
        )
        self._tell(line)


def together(reports: Sequence[Upload]) -> bytes:
    """Return the body of one call that carries several reports."""
    return b'{"reports":[' + b",".join(report.body for report in reports) + b"]}"


def statuses(path: str, reply: Reply, count: int) -> list[int]:
    """Return what was said of each upload; 0 where nothing was."""
    if path != BATCH or reply.status != 200:
        return [reply.status] * count
    answer = reply.json()
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != count:
        return [0] * count
    return [int(result["status"]) for result in results]
