"""What goes over the wire, both ways (contract.md 2).

Client messages are decoded by a table of their own: nothing that a client sends can name a handler
of the channel layer.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

LARGEST_MESSAGE = 16_384
_Name = Annotated[str, Meta(max_length=200)]
_Token = Annotated[str, Meta(max_length=4096)]
_Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Authenticate(Struct, tag="authenticate", forbid_unknown_fields=True):
    """The first message of a socket that was opened without a ticket."""

    token: _Token


class Subscribe(Struct, tag="subscribe", forbid_unknown_fields=True):
    """Ask for the updates of a topic, and for those after a sequence."""

    topic: _Name
    after: _Sequence | None = None


class Unsubscribe(Struct, tag="unsubscribe", forbid_unknown_fields=True):
    """Want no more of a topic."""

    topic: _Name


class Ping(Struct, tag="ping", forbid_unknown_fields=True):
    """Ask whether anybody is there."""


ClientMessage = Authenticate | Subscribe | Unsubscribe | Ping
_decoder = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


class NotAMessage(ValueError):
    """What came over the socket is no message of the protocol."""


def decode(text: str) -> ClientMessage:
    """Return the client's message. Raises: NotAMessage."""
    if len(text) > LARGEST_MESSAGE:
        raise NotAMessage()
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise NotAMessage() from None


def encode(message: dict[str, Any]) -> str:
    """Return the text of a message of the server."""
    return _encoder.encode(message).decode()


def update(
    *, topic: str, sequence: int, kind: str, data: bytes | Any, sent_at: datetime
) -> dict[str, Any]:
    """Return an update; `data` may be JSON already."""
    return {
        "type": "update",
        "topic": topic,
        "sequence": sequence,
        "kind": kind,
        "data": msgspec.Raw(data) if isinstance(data, bytes) else data,
        "sent_at": sent_at,
    }
