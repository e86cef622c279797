"""Requests byte by byte, as no well-behaved client would send them."""

import http.client
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.demo.simulation.phone import API, REPORTS

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """What came back; status 0 where the connection was closed without a word."""

    status: int
    kind: str = ""
    body: bytes = b""

    def json(self) -> Any:
        """Return the body decoded."""
        return json.loads(self.body)


def head(
    *headers: str, token: str = "", path: str = API + REPORTS, host: str = "127.0.0.1"
) -> bytes:
    """Return the first lines of a POST; headers go as they are written."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def whole(body: bytes, *headers: str, token: str = "", path: str = API + REPORTS) -> bytes:
    """Return a POST that is right but for the headers that are added."""
    usual = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return head(*usual, *headers, token=token, path=path) + body


def chunked(pieces: Sequence[bytes]) -> bytes:
    """Return a body in chunks, its end included."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def talk(port: int, *pieces: bytes, and_leave: bool = False) -> Said:
    """Send bytes and return the first answer; `and_leave` closes without waiting for one."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as end:
        try:
            for piece in pieces:
                end.sendall(piece)
        except OSError:
            pass  # it answers and closes before it has read everything
        if and_leave:
            return Said(0)
        answer = http.client.HTTPResponse(end, method="POST")
        try:
            answer.begin()
            return Said(answer.status, answer.headers.get_content_type(), answer.read())
        except (http.client.HTTPException, OSError):
            return Said(0)
