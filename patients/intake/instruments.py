"""Which answers are safety answers: the items that known instruments mark."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import psycopg
from msgspec import MsgspecError

from patients.intake.bodies import Upload
from patients.intake.schema import decode_any
from portal.outbox.kinds import Lane

SQL = "SELECT code, instrument_version, definition::text FROM trials_instrument"
_LOOK_AGAIN_SECONDS = 5.0
Marks = Mapping[str, float]
Ask = Callable[[], Awaitable[list[Any]]]


class Instruments:
    """The safety marks by (code, version). A definition never changes; a new one may come."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], Marks] = {}
        self._look_again_at = 0.0

    def is_missing(self, upload: Upload) -> bool:
        """Whether it is worth asking the database for the upload's instrument."""
        return upload.instrument not in self._marks and time.monotonic() >= self._look_again_at

    async def look(self, ask: Ask) -> None:
        """Read all instruments; when the database is away, the ones known stay known."""
        self._look_again_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        try:
            self.learn(await ask())
        except (psycopg.Error, OSError, TimeoutError):
            return

    def learn(self, rows: list[Any]) -> None:
        """Take over rows of `SQL`."""
        self._marks = {(row[0], row[1]): marks_of(orjson.loads(row[2])) for row in rows}

    def lane_of(self, upload: Upload) -> Lane:
        """Return the lane: a safety answer never waits behind ordinary ones."""
        for item, threshold in self._marks.get(upload.instrument, {}).items():
            raw = upload.answers.get(item)
            if raw is not None and _is_above(raw, threshold):
                return Lane.SAFETY
        return Lane.ORDINARY


def marks_of(definition: Any) -> Marks:
    """Return the threshold of each item marked `safety` in a stored definition."""
    items = definition.get("items", ()) if isinstance(definition, dict) else ()
    found = {}
    for item in items:
        mark = item.get("safety") if isinstance(item, dict) else None
        if mark:
            above = mark.get("threshold", 0) if isinstance(mark, dict) else 0
            found[str(item.get("code"))] = float(above)
    return found


def _is_above(raw: Any, threshold: float) -> bool:
    try:
        return float(decode_any(raw)) > threshold
    except (TypeError, ValueError, MsgspecError):
        return False
