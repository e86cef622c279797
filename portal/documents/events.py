"""The event stream of a report: its lines of progress as server-sent events.

Source: HTML Living Standard 9.2 (`id`, `event`, `data`, comments, `retry`, 204 to end for good).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from portal.core.errors import InvalidInput
from portal.documents.vocabulary import LAST

CONTENT_TYPE = "text/event-stream"
# How long a client waits before it comes back.
RETRY_MILLISECONDS = 2000
HEARTBEAT = b":\n\n"
HEADER = "HTTP_LAST_EVENT_ID"
_LONGEST_NUMBER = 9
COLUMNS = (
    "number",
    "kind",
    "attempt",
    "percent",
    "step",
    "done",
    "total",
    "at",
    "report__failure_code",
)


class NotAnEventId(InvalidInput):
    """Last-Event-ID is the id of an event of this stream: a whole number."""

    code = "last_event_id_invalid"


class Line(NamedTuple):
    """One line of progress, as it is told."""

    number: int
    kind: str
    attempt: int
    percent: int
    step: str
    done: int | None
    total: int | None
    at: datetime
    failure_code: str

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.kind in LAST

    def event(self, report: UUID) -> bytes:
        """Return the line as an event."""
        data: dict[str, Any] = {
            "report": report,
            "attempt": self.attempt,
            "percent": self.percent,
            "step": self.step or None,
            "done": self.done,
            "total": self.total,
            "at": self.at,
        }
        if self.kind == "failed":
            data["failure_code"] = self.failure_code
        text = orjson.dumps(data, option=orjson.OPT_UTC_Z)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, self.kind.encode(), text)


def opening(lines: Iterable[Line], report: UUID) -> bytes:
    """Return how a stream begins: how to come back, then what the client has not seen."""
    return b"retry: %d\n\n" % RETRY_MILLISECONDS + b"".join(line.event(report) for line in lines)


def seen_by_client(meta: dict[str, Any]) -> int:
    """Return the number of the last event that the client has seen. Raises: NotAnEventId."""
    text = meta.get(HEADER, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise NotAnEventId()
    return int(text)


def line_of(row: Sequence[Any]) -> Line:
    """Return the line of a row with these COLUMNS."""
    return Line(*row)
