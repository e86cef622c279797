"""One HTTP/1.1 connection that is kept, and that can be broken on purpose."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h11

READ_BYTES = 65_536


class ConnectionBroken(Exception):
    """The connection ended before the answer: what became of the request is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the portal said."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body decoded, None where it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def retry_after_seconds(self) -> float:
        """How long to stay away, 0 where nothing was said."""
        said = self.headers.get("retry-after", "")
        return float(said) if said.isdecimal() else 0.0


class Connection:
    """A connection to the portal, opened when it is needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._said_host = parts.netloc
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._protocol = h11.Connection(h11.CLIENT)

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: bytes = b"",
        seconds: float = 30.0,
        hang_up: bool = False,
    ) -> Reply:
        """Send one request and return the answer; `hang_up` leaves before it can come.

        Raises: ConnectionBroken.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._send(method, path, token, body)
                if hang_up:
                    raise ConnectionBroken("hung up")
                return await self._receive()
        except (OSError, TimeoutError, h11.ProtocolError, EOFError) as error:
            self.close()
            raise ConnectionBroken(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection, whatever is under way on it."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
        self._protocol = h11.Connection(h11.CLIENT)

    async def _send(self, method: str, path: str, token: str, body: bytes) -> None:
        streams = self._streams
        # What the portal has closed meanwhile, kept too long or at its end, is not used again.
        if streams is None or streams[1].is_closing() or streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port)
        headers = [
            ("Host", self._said_host),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        events = (
            h11.Request(method=method, target=path, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        if self._streams is None:
            raise ConnectionError("the portal has closed the connection")
        writer = self._streams[1]
        writer.write(b"".join(self._protocol.send(event) or b"" for event in events))
        await writer.drain()

    async def _receive(self) -> Reply:
        status, headers, body = 0, {}, bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        else:
            self.close()
        return Reply(status, headers, bytes(body))

    async def _event(self) -> Any:
        assert self._streams is not None
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            self._protocol.receive_data(await self._streams[0].read(READ_BYTES))
        if isinstance(event, h11.ConnectionClosed):
            raise EOFError("closed before the answer")
        return event
