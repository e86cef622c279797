"""A proxy between two of the portal's processes that does to a connection what networks do.

It runs in a thread with a loop of its own, so that a test of any kind can use it.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER 0: the close is a reset


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to connections. Nothing said: they pass.

    `refuse` closes at once; `reset` resets at the first byte; `blackhole` takes bytes and passes
    none on, in either direction, with the connection open; `latency` and `pause` are seconds before
    each piece and between the pieces of `piece` bytes towards the server; `cut_after` resets both
    sides once so many bytes went to the server; `cut_before_reply` passes the request that contains
    it and resets before the first byte of the answer.
    """

    refuse: bool = False
    reset: bool = False
    blackhole: bool = False
    latency: float = 0.0
    piece: int = CHUNK
    pause: float = 0.0
    cut_after: int | None = None
    cut_before_reply: bytes | None = None


FINE = Weather()


class Proxy:
    """Listens on a TCP port or a Unix socket and passes on to another."""

    def __init__(self, target: tuple[str, int] | Path, listen: Path | None = None) -> None:
        self.target, self.listen = target, listen
        self.weather = FINE
        self.port = 0
        self.cuts = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Drop every connection and listen no more."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def drop_all(self) -> None:
        """Reset every connection that is open."""
        self._run(self._reset_all())

    def _run(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(30)

    async def _listen(self) -> None:
        if self.listen is not None:
            self.listen.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self.listen)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._reset_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuse:
            _reset(writer)
            return
        try:
            there, back = await self._connect()
        except OSError:
            _reset(writer)
            return
        call = _Call(self, writer, back)
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(call.to_server(reader))
                group.create_task(call.to_client(there))
        except* (OSError, _Cut, asyncio.CancelledError):
            call.cut()
        finally:
            self._open -= {writer, back}
            for end in (writer, back):
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)


class _Cut(Exception):
    """The weather ends the connection."""


class _Call:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.passed = 0
        self.reply_is_cut = False

    async def to_server(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(CHUNK):
            weather = self.proxy.weather
            if weather.reset:
                raise _Cut
            if weather.blackhole:
                continue
            if weather.cut_before_reply is not None and weather.cut_before_reply in data:
                self.reply_is_cut = True
            for piece in _pieces(data, weather.piece):
                await asyncio.sleep(weather.latency or weather.pause)
                if weather.cut_after is not None and self.passed + len(piece) > weather.cut_after:
                    self.server.write(piece[: weather.cut_after - self.passed])
                    await self.server.drain()
                    raise _Cut
                self.passed += len(piece)
                self.server.write(piece)
                await self.server.drain()
        await _ended(self.server)

    async def to_client(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(CHUNK):
            weather = self.proxy.weather
            if self.reply_is_cut or weather.reset:
                raise _Cut
            if weather.blackhole:
                continue
            await asyncio.sleep(weather.latency)
            self.client.write(data)
            await self.client.drain()
        await _ended(self.client)

    def cut(self) -> None:
        self.proxy.cuts += 1
        for end in (self.client, self.server):
            _reset(end)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


async def _ended(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    if end is not None and end.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextlib.contextmanager
def proxied(target: tuple[str, int] | Path, listen: Path | None = None) -> Any:
    """Give a proxy that is gone afterwards."""
    proxy = Proxy(target, listen)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
