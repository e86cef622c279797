"""WebSocket frames made once and written to many sockets.

A server's frames are not masked: the bytes of a text are the same for every socket, as long as
nothing is compressed. uvicorn's protocol hands the application a writer in the scope's extensions;
under another server the application sends in the usual way.
"""

import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from websockets.http11 import Request

EXTENSION = "portal.frames"
_TEXT = 0x81  # final frame, text


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

    def write(self, frame: bytes) -> None:
        """Hand bytes to the transport; on a socket that is gone this does nothing."""
        protocol = self._protocol
        if not (protocol.close_sent or protocol.disconnected or protocol.transport.is_closing()):
            protocol.transport.write(frame)

    def waiting(self) -> int:
        """Return how many bytes the transport has not got rid of."""
        return int(self._protocol.transport.get_write_buffer_size())

    def abort(self) -> None:
        """Give up on a peer that reads nothing: what waits for it is dropped."""
        self._protocol.transport.abort()


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with a frame writer in the scope."""

    def handle_connect(self, event: "Request") -> None:
        """Let uvicorn make the scope and start the application, then add the writer."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        # The application's task runs after this; it finds the extension in place.
        if scope is not None:
            scope["extensions"][EXTENSION] = FrameWriter(self)
