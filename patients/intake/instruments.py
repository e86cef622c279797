"""Which answers are safety answers: the items that known instruments mark."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Known:
    """A definition, if it can be decoded, and the items whose answers call somebody."""

    definition: InstrumentDefinition | None
    safety: frozenset[str]


class Instruments:
    """Definitions by (code, version). A definition never changes; a new one may come."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Known] = {}
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
        known = self._known.get(upload.instrument)
        if known is None or known.definition is None or known.safety.isdisjoint(upload.answers):
            return Lane.ORDINARY
        answers = {
            code: _value(value) for code, value in upload.answers.items() if code in known.safety
        }
        return Lane.SAFETY if safety_answers(known.definition, answers) else Lane.ORDINARY


def _decoded(definition: str) -> _Known:
    try:
        decoded = decode(orjson.loads(definition))
    except NotADefinition:
        return _Known(None, frozenset())
    return _Known(decoded, frozenset(item.code for item in decoded.safety_items))


def _value(raw: Any) -> Any:
    try:
        return decode_any(raw)
    except MsgspecError:
        return raw  # not understood, which is a safety answer
