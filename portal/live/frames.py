"""WebSocket frames made once and written to many sockets, and what a peer may send.

A server's frames are not masked: the bytes of a text are the same for every socket, as long as
nothing is compressed. uvicorn's protocol hands the application a writer in the scope's extensions;
under another server the application sends in the usual way.
"""

import json
import random
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from portal.live.limits import Rate

if TYPE_CHECKING:
    from websockets.frames import Frame
    from websockets.http11 import Request

EXTENSION = "portal.frames"
_TEXT = 0x81  # final frame, text
RESTART, TOO_MUCH = 1012, 1008
# At a restart everybody comes back: each peer is told its own moment, so many in a second.
RETURNS_PER_SECOND = 50
LONGEST_RETURN_SECONDS = 30.0
# Pings, pongs and pieces of messages that a peer may send at once, and in a second for ever.
CONTROL_BURST, CONTROL_PER_SECOND = 500.0, 50.0


def text_frame(text: bytes) -> bytes:
    """Return the one frame of a text. Source: RFC 6455 5.2."""
    length = len(text)
    if length < 126:
        return bytes((_TEXT, length)) + text
    if length < 65_536:
        return struct.pack("!BBH", _TEXT, 126, length) + text
    return struct.pack("!BBQ", _TEXT, 127, length) + text


class FrameWriter:
    """Writes ready frames to one socket, and tells how much of them waits."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: "LiveProtocol") -> None:
        self._protocol = protocol

    def offer(self, frames: bytes, most: int) -> bool:
        """Write unless `most` bytes wait already; a socket that is gone takes everything."""
        protocol = self._protocol
        transport = protocol.transport
        if protocol.close_sent or protocol.disconnected or transport.is_closing():
            return True
        if transport.get_write_buffer_size() >= most:
            return False
        transport.write(frames)
        return True

    def waiting(self) -> int:
        """Return how many bytes the transport has not got rid of."""
        return int(self._protocol.transport.get_write_buffer_size())

    def abort(self) -> None:
        """Give up on a peer that reads nothing: what waits for it is dropped."""
        self._protocol.transport.abort()


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with a frame writer in the scope and limits of its own.

    A peer that is gone without a word is dropped rather than waited for.
    """

    def handle_connect(self, event: "Request") -> None:
        """Let uvicorn make the scope and start the application, then add the writer."""
        super().handle_connect(event)
        self._control = Rate(CONTROL_BURST, CONTROL_PER_SECOND)
        scope: Any = getattr(self, "scope", None)
        # The application's task runs after this; it finds the extension in place.
        if scope is not None:
            scope["extensions"][EXTENSION] = FrameWriter(self)

    def handle_cont(self, event: "Frame") -> None:
        """Take a piece of a message: their sum is limited by uvicorn, their number here."""
        if self._tolerates():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer, unless it is a flood."""
        if self._tolerates():
            super().handle_ping()

    def handle_pong(self, event: "Frame") -> None:
        """Note that the peer is there, unless it is a flood."""
        if self._tolerates():
            super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """Drop a peer that answered no heartbeat: it will take no farewell either."""
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: Any) -> None:
        """Send for the application; a close that nobody answers does not linger."""
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def shutdown(self) -> None:
        """Close with 1012, and tell each peer when to come back so that not all come at once."""
        if self.handshake_complete and not self.close_sent:
            most = min(LONGEST_RETURN_SECONDS, 1 + len(self.connections) / RETURNS_PER_SECOND)
            advice = {"retry_after_seconds": round(random.uniform(0, most), 1)}  # noqa: S311
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": RESTART})
            self.conn.send_close(RESTART, json.dumps(advice))
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()
            return
        super().shutdown()

    def _tolerates(self) -> bool:
        if self.close_sent or self.transport.is_closing():
            return False
        if self._control.allows():
            return True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_MUCH})
        self.conn.send_close(TOO_MUCH)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
        return False
