"""Places where a test may break a process: killed, raising, late, or waiting for another.

Off unless the environment names them and PORTAL_MODE is test:

    FAILPOINTS="relay.after_claim=kill,nth=3; task.before_effect=sleep:200"

`kill` ends the process with SIGKILL, `raise` raises, `sleep:MS` waits, `barrier:PATH` waits until
that file exists. With `nth=N` only the N-th time counts, else every time. With `once=PATH` it
happens once in all processes together, at the N-th time or later, and PATH shows that it did.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

VARIABLE = "FAILPOINTS"
BARRIER_SECONDS = 60.0

# Every failpoint of the code, and what is certain there. A test holds this against the code.
NAMES: dict[str, str] = {
    "ingest.before_commit": "a batch of uploads is complete, nothing of it was sent",
    "ingest.mid_write": "the reports are committed, what is set aside is not",
    "ingest.after_commit": "everything is committed, nobody was answered",
    "relay.after_claim": "leases are committed, nothing was sent",
    "relay.after_publish": "the broker has the chunk, the relay goes on to the next",
    "task.before_effect": "the attempt is counted and committed, the handler has not begun",
    "task.mid": "the handler has run, its transaction is open",
    "task.after_effect": "effects and receipt are committed, the message is not acknowledged",
    "socket.received": "a socket's message was read, nothing was done about it",
    "live.before_publish": "the live relay has read what is pending, nothing was published",
    "live.after_publish": "updates were published, and are not forgotten yet",
    "notices.after_send": "the provider has the letter, its answer is not stored",
    "notices.after_step": "a step of a ladder is committed, the sweep goes on",
    "pipeline.before_write": "uploads are locked and decoded, nothing is written",
    "pipeline.mid_write": "answers and readings are written, no rule was asked",
    "pipeline.before_commit": "everything of a chunk is written, nothing is committed",
    "report.mid_write": "the file of a report is written beside, and not yet durable",
    "report.after_rename": "the file has its name, its row does not say so",
}


class Failed(RuntimeError):
    """A failpoint was told to raise."""


class UnknownFailpoint(ValueError):
    """FAILPOINTS names something that the code does not have, or an unknown action."""


@dataclass(slots=True)
class _Armed:
    act: Callable[[], None]
    nth: int
    once: Path | None = None
    hits: int = 0

    def is_due(self) -> bool:
        """Whether this time counts."""
        if self.once is None:
            return self.nth in (0, self.hits)
        if self.hits < self.nth:
            return False
        try:
            self.once.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


_armed: dict[str, _Armed] | None = None


def failpoint(name: str) -> None:
    """Do what the environment asks for here: in production nothing, at the price of a look-up."""
    if _armed is None:
        arm(os.environ.get(VARIABLE, ""))
    armed = _armed.get(name) if _armed else None
    if armed is None:
        return
    armed.hits += 1
    if armed.is_due():
        armed.act()


def arm(specification: str) -> None:
    """Read a specification as of FAILPOINTS; an empty one disarms. Raises: UnknownFailpoint."""
    global _armed
    _armed = {}
    if settings.MODE != "test":
        return
    for part in filter(None, (text.strip() for text in specification.split(";"))):
        name, _, rest = part.partition("=")
        action, *options = rest.split(",")
        given = dict(option.partition("=")[::2] for option in options)
        if name not in NAMES or given.keys() - {"nth", "once"}:
            raise UnknownFailpoint(part)
        once = Path(given["once"]) if "once" in given else None
        _armed[name] = _Armed(_action(name, action), int(given.get("nth", 0)), once)


def _action(name: str, text: str) -> Callable[[], None]:
    word, _, argument = text.partition(":")
    if word == "kill":
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if word == "raise":
        return lambda: _raise(name)
    if word == "sleep":
        return lambda: time.sleep(int(argument) / 1000)
    if word == "barrier":
        return lambda: _wait_for(Path(argument))
    raise UnknownFailpoint(f"{name}={text}")


def _raise(name: str) -> None:
    raise Failed(name)


def _wait_for(path: Path) -> None:
    give_up = time.monotonic() + BARRIER_SECONDS
    while not path.exists():
        if time.monotonic() > give_up:
            raise Failed(f"nobody made {path}")
        time.sleep(0.01)
