"""Which answers are safety answers: the items that known instruments mark."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import psycopg
from msgspec import MsgspecError

from patients.intake.bodies import Upload
from patients.intake.schema import decode_any
from patients.rules.instruments import InstrumentDefinition, decode, safety_answers
from portal.outbox.kinds import Lane
from trials.rules.instruments import NotADefinition

SQL = "SELECT code, instrument_version, definition::text FROM trials_instrument"
_LOOK_AGAIN_SECONDS = 5.0
Ask = Callable[[], Awaitable[list[Any]]]


class Instruments:
    """Definitions by (code, version). A definition never changes; a new one may come."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], InstrumentDefinition | None] = {}
        self._look_again_at = 0.0

    def is_missing(self, upload: Upload) -> bool:
        """Whether it is worth asking the database for the upload's instrument."""
        return upload.instrument not in self._known and time.monotonic() >= self._look_again_at

    async def look(self, ask: Ask) -> None:
        """Read all instruments; when the database is away, the ones known stay known."""
        self._look_again_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        try:
            self.learn(await ask())
        except (psycopg.Error, OSError, TimeoutError):
            return

    def learn(self, rows: list[Any]) -> None:
        """Take over rows of `SQL`."""
        self._known = {(row[0], row[1]): _decoded(row[2]) for row in rows}

    def lane_of(self, upload: Upload) -> Lane:
        """Return the lane: a safety answer never waits behind ordinary ones."""
        definition = self._known.get(upload.instrument)
        if definition is None:
            return Lane.ORDINARY
        answers = {
            item.code: _value(upload.answers[item.code])
            for item in definition.safety_items
            if item.code in upload.answers
        }
        is_safety = bool(answers) and bool(safety_answers(definition, answers))
        return Lane.SAFETY if is_safety else Lane.ORDINARY


def _decoded(definition: str) -> InstrumentDefinition | None:
    try:
        return decode(orjson.loads(definition))
    except NotADefinition:
        return None


def _value(raw: Any) -> Any:
    try:
        return decode_any(raw)
    except MsgspecError:
        return raw  # not understood, which is a safety answer
