"""The relay: leases what is due and hands it to the workers, and works itself when they cannot.

One is active, by an advisory lock; another stands by. Only a few chunks wait in the broker at any
time, in a queue for each lane: what comes into the safety lane is never behind a backlog, and what
the broker forgets is little. When the broker is away, takes nothing, or has lost a chunk, the relay
runs the rows in this process: late, never lost.
"""

import time
from typing import Any

import structlog
from django.db import connection

from portal.core import tasks
from portal.core.failpoints import failpoint
from portal.core.programs import Program
from portal.outbox import leases
from portal.outbox.deliver import run_chunk
from portal.outbox.kinds import Lane
from portal.outbox.leases import Chunk
from portal.outbox.sql import CHANNEL
from portal.outbox.tasks import deliver

log = structlog.get_logger(__name__)

QUEUES = {Lane.SAFETY: "safety", Lane.ORDINARY: "outbox"}
# Chunks of a lane that may wait in the broker: enough to keep some workers busy.
WINDOW = 4
# A queue that stays full for so long has no worker.
STALLED_SECONDS = 5.0
BROKER_AWAY_SECONDS = 5.0
POLL_SECONDS = 1.0
FULL_POLL_SECONDS = 0.01
HEARTBEAT_SECONDS = 2.0
_BEAT = (
    "INSERT INTO outbox_relayheartbeat (id, seen_at, mode) VALUES (1, clock_timestamp(), %s) "
    "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, mode = excluded.mode"
)


class Relay(Program):
    """Leases, sends, and runs what cannot be sent."""

    name = "relay"
    channel = CHANNEL
    lock = 0x0B0C_0001

    def __init__(self) -> None:
        super().__init__()
        self.mode = "broker"
        self._away_until = 0.0
        self._full_since: dict[Lane, float] = {}
        self._beat_at = 0.0

    # --- one round --------------------------------------------------------------------------------

    def step(self) -> bool:
        """Serve each lane once, safety first; tell whether there was anything to do."""
        return any(self._serve(lane) for lane in Lane)

    def _serve(self, lane: Lane) -> bool:
        room = self._room(lane)
        if room == 0:
            return False
        chunks = leases.lease(lane, leases.CHUNK * (room or 1))
        if chunks:
            failpoint("relay.after_claim")
        for chunk in chunks:
            if self.stopping.is_set():
                break  # the leases end by themselves
            # Once lost, it is not trusted to the broker again.
            if room is None or chunk.was_lost or not self._send(chunk):
                run_chunk(chunk)
                self._beat()
        return bool(chunks)

    def _room(self, lane: Lane) -> int | None:
        """Return how many chunks the broker may get; None when the relay has to work itself."""
        now = time.monotonic()
        if now < self._away_until:
            return None
        held = tasks.waiting(QUEUES[lane])
        if held is None:
            self._broker_is_away(now)
            return None
        if held < WINDOW:
            self._full_since.pop(lane, None)
            self._switch("broker" if not self._full_since else self.mode)
            return WINDOW - held
        if now - self._full_since.setdefault(lane, now) < STALLED_SECONDS:
            return 0
        self._switch("alone: no worker takes anything")
        return None

    def _send(self, chunk: Chunk) -> bool:
        ids = ",".join(map(str, chunk.ids))
        if time.monotonic() < self._away_until:
            return False
        if not tasks.send(deliver, queue=QUEUES[chunk.lane], ids=ids, token=str(chunk.token)):
            self._broker_is_away(time.monotonic())
            return False
        failpoint("relay.after_publish")
        return True

    def _broker_is_away(self, now: float) -> None:
        self._away_until = now + BROKER_AWAY_SECONDS
        self._switch("alone: the broker is away")

    def _switch(self, mode: str) -> None:
        if mode != self.mode:
            log.warning("relay_mode", mode=mode)
            self.mode, self._beat_at = mode, 0.0

    # --- until stopped ----------------------------------------------------------------------------

    def work(self, own: Any) -> None:
        """Serve the lanes until stopped."""
        while not self.stopping.is_set():
            self._beat()
            if not self.step():
                self.wait(own, FULL_POLL_SECONDS if self._full_since else POLL_SECONDS)

    def _beat(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            with connection.cursor() as cursor:
                cursor.execute(_BEAT, [self.mode])
            self._beat_at = now + HEARTBEAT_SECONDS
