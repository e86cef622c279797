"""Who may call from a page of another origin: those on the list, with a token and no cookie.

It stands around everything that answers HTTP, Django and whatever is mounted beside it, so that an
answer to an error or from another application is no exception. Nothing is allowed unless
PORTAL_CORS_ORIGINS names the origin; cookies never cross (the refresh cookie is SameSite=Strict).
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from django.conf import settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIX = "/api/"
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
SENT = (
    b"Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, "
    b"If-None-Match, Last-Event-ID, X-Change-Reason, X-Device-Id, X-Request-Id"
)
SEEN = (
    b"Content-Disposition, Content-Language, ETag, Idempotency-Replayed, Location, Retry-After, "
    b"X-Request-Id, X-Token-Expires-At, X-Token-Refresh-Required"
)
KEPT_SECONDS = b"600"


def with_cors(application: Application) -> Application:
    """Return the application that says to browsers which pages may read its answers."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or not settings.CORS_ORIGINS
            or not scope["path"].startswith(PREFIX)
        ):
            await application(scope, receive, send)
            return
        sent = scope.get("headers", ())
        origin = _value(sent, b"origin")
        is_listed = origin is not None and origin.decode("latin-1") in settings.CORS_ORIGINS
        asks = _value(sent, b"access-control-request-method") is not None
        if is_listed and asks and scope["method"] == "OPTIONS":
            await _allow(origin or b"", send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: Headers = list(message.get("headers", ()))
                vary_by_origin(headers)
                if is_listed:
                    headers.append((b"access-control-allow-origin", origin or b""))
                    headers.append((b"access-control-expose-headers", SEEN))
                message = {**message, "headers": headers}
            await send(message)

        await application(scope, receive, told)

    return answer


async def _allow(origin: bytes, send: Send) -> None:
    headers: Headers = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", SENT),
        (b"access-control-max-age", KEPT_SECONDS),
        (b"vary", b"Origin"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _value(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the value of a header that was sent once; sent twice it counts for nothing."""
    found = [value for key, value in headers if key.lower() == name]
    return found[0] if len(found) == 1 else None


def vary_by_origin(headers: Headers) -> None:
    """Say that an answer depends on the origin, also to those who are told nothing."""
    for index, (key, value) in enumerate(headers):
        if key.lower() == b"vary":
            headers[index] = (key, value + b", Origin")
            return
    headers.append((b"vary", b"Origin"))
