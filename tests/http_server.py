"""A real server on the test's own loop, with the HTTP protocol class that a test asks for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def serving(
    protocol: type[asyncio.Protocol],
    application: Any = "portal.asgi:application",
    *,
    keep_alive: float = 5,
    dated: bool = True,
) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Run a server with a protocol class on this loop; give it and its port."""
    config = uvicorn.Config(
        application,
        http=protocol,
        lifespan="off",
        log_config=None,
        server_header=False,
        date_header=dated,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=keep_alive,  # type: ignore[arg-type] - a part of a second serves as well
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        await server.startup([listener])
        await server.on_tick(0)  # gives the answers their date
        try:
            yield server, listener.getsockname()[1]
        finally:
            if server.servers[0].is_serving():
                await server.shutdown([listener])
