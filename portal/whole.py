"""uvicorn's request cycle, which sends an answer that says its length in one piece.

uvicorn writes head and body one after the other: two calls of the system, and two packets that the
client wakes up for. It searches every header for forbidden characters, too, and most are the same
in every answer. Written against uvicorn 0.54.
"""

from typing import NamedTuple, cast

from uvicorn._types import (
    ASGISendEvent,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
)
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

Header = tuple[bytes, bytes]
_MOST_LINES = 1024
_WITHOUT_BODY = frozenset({204, 304})
_OF_THE_CONNECTION = frozenset({b"connection", b"transfer-encoding"})
# In the place of the line that says the length; it is written when the body is known.
_LENGTH = b""


class _Special(Exception):
    """A header says something of the connection."""


class _Lines(dict[Header, bytes]):
    """The lines of headers, as uvicorn checks and writes them. A look-up raises: _Special."""

    def __missing__(self, header: Header) -> bytes:
        name, value = header[0].lower(), header[1]
        if name in _OF_THE_CONNECTION:
            raise _Special
        line = _LENGTH if name == b"content-length" else _checked(name, value)
        if len(self) >= _MOST_LINES:
            self.clear()
        if name != b"set-cookie":  # a secret is never kept
            self[header] = line
        return line


def _checked(name: bytes, value: bytes) -> bytes:
    """Return the line of a header. Raises: RuntimeError."""
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    return b"%s: %s\r\n" % (name, value)


_line = _Lines().__getitem__


class _Head(NamedTuple):
    """The beginning of an answer that waits for its body."""

    message: HTTPResponseStartEvent
    headers: list[Header]
    lines: list[bytes]


class Whole(RequestResponseCycle):
    """A request cycle that keeps the head of an answer until its body has come."""

    _head: _Head | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Send what is simple in one piece; everything else is uvicorn's business."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._head = self._kept(message)
            if self._head is not None:
                return
        elif self._head is not None:
            head, self._head = self._head, None
            if message["type"] == "http.response.body" and self._send_whole(head, message):
                return
            await super().send(head.message)
        await super().send(message)

    def _kept(self, message: HTTPResponseStartEvent) -> _Head | None:
        """Return a head that says its length once and nothing of the connection."""
        headers = [*self.default_headers, *cast(list[Header], message.get("headers", ()))]
        try:
            lines = list(map(_line, headers))
        except (_Special, TypeError):  # TypeError: a pair that is not a tuple
            return None
        return _Head(message, headers, lines) if lines.count(_LENGTH) == 1 else None

    def _send_whole(self, head: _Head, message: HTTPResponseBodyEvent) -> bool:
        """Write an answer if nothing about it is special; say whether it was written."""
        body = message.get("body", b"")
        status, lines = head.message["status"], head.lines
        place, length = lines.index(_LENGTH), b"%d" % len(body)
        is_simple = (
            head.headers[place][1] == length
            and not message.get("more_body")
            and self.scope["method"] != "HEAD"
            and status not in _WITHOUT_BODY
            and not (self.flow.write_paused or self.disconnected or self.access_log)
        )
        if not is_simple:
            return False
        lines[place] = b"content-length: %s\r\n" % length
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], *lines, end, body)))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True
