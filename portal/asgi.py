"""The ASGI application: Django, and beside it whatever must not go through Django's stack."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ.setdefault("PORTAL_PROCESS", "web")

from django.core.asgi import get_asgi_application

from portal.ops.cors import with_cors

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

NOT_AUTHENTICATED = 4401  # the socket's close code for nobody we know

django_application = cast(Application, get_asgi_application())

# Its models and settings are there only now.
from patients.intake import app as intake  # noqa: E402
from portal.documents.streams import with_streams  # noqa: E402


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Close a socket that nothing serves, before it is accepted."""
    await receive()
    await send({"type": "websocket.close", "code": NOT_AUTHENTICATED})


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Open the intake at the server's start; at its stop write what is queued there."""
    while True:
        message = await receive()
        await (intake.start() if message["type"] == "lifespan.startup" else intake.stop())
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def live() -> Application:
    """Return the application of the one socket."""
    from portal.live.consumer import LiveConsumer

    return cast(Application, LiveConsumer.as_asgi())


# (protocol, path prefix) -> application; the first that fits serves.
MOUNTS: tuple[tuple[str, str, Application], ...] = (
    ("http", "/api/v1/intake/", intake.application),
    ("http", "/api/v1/reports/", with_streams(django_application)),
    ("http", "/", django_application),
    ("websocket", "/ws/live/", live()),
    ("websocket", "/", refuse_socket),
)


def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """Return the work of whatever serves the connection's protocol and path. Raises: ValueError."""
    if scope["type"] == "lifespan":
        return lifespan(scope, receive, send)
    for protocol, prefix, mounted in MOUNTS:
        if protocol == scope["type"] and scope["path"].startswith(prefix):
            return mounted(scope, receive, send)
    raise ValueError(f"nothing serves {scope['type']}")


# Around everything, so that no mounted application needs to know of other origins.
application = with_cors(serve)
