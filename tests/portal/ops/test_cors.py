"""Pages of other origins call the API only if they are on the list, whatever answers."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from pytest_django import Settings

from portal.ops.cors import with_cors

LISTED = b"https://wall.example.org"
Message = MutableMapping[str, Any]


async def answering(scope: Message, receive: Any, send: Any) -> None:
    """Answer 409 like any mounted application, with a Vary of its own."""
    headers = [(b"vary", b"Accept-Language"), (b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": 409, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def ask(
    method: str = "GET", path: str = "/api/v1/patients/", **headers: bytes
) -> tuple[int, dict[bytes, bytes]]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    told = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": told}
    await with_cors(answering)(scope, None, send)  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.fixture(autouse=True)
def listed(settings: Settings) -> None:
    settings.CORS_ORIGINS = frozenset({LISTED.decode()})


async def test_a_listed_origin_may_read_every_answer_even_a_refusal() -> None:
    status, headers = await ask(origin=LISTED)
    assert (status, headers[b"access-control-allow-origin"]) == (409, LISTED)
    assert b"ETag" in headers[b"access-control-expose-headers"]
    assert headers[b"vary"] == b"Accept-Language, Origin"
    assert b"access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    "origin",
    [
        b"https://wall.example.org.evil.example", b"http://wall.example.org", b"null", b"*",
        b"https://wall.example.org:8443", b"HTTPS://WALL.EXAMPLE.ORG", b"https://wall.example.org/",
    ],
)  # fmt: skip
async def test_another_origin_is_told_nothing(origin: bytes) -> None:
    for method in ("GET", "OPTIONS"):
        status, headers = await ask(method, origin=origin, access_control_request_method=b"POST")
        assert status == 409
        assert not [name for name in headers if name.startswith(b"access-control")]
        assert headers[b"vary"].endswith(b"Origin")


async def test_a_preflight_is_answered_without_asking_the_application() -> None:
    status, headers = await ask("OPTIONS", origin=LISTED, access_control_request_method=b"POST")
    assert status == 204
    assert b"Idempotency-Key" in headers[b"access-control-allow-headers"]
    assert b"DELETE" in headers[b"access-control-allow-methods"]
    assert headers[b"cache-control"] == b"no-store"


async def test_a_plain_options_goes_to_the_application() -> None:
    status, _ = await ask("OPTIONS", origin=LISTED)
    assert status == 409


async def test_pages_outside_the_api_are_for_nobody_else() -> None:
    for path in ("/admin/", "/", "/apiary"):
        _, headers = await ask(path=path, origin=LISTED)
        assert b"access-control-allow-origin" not in headers


async def test_nothing_is_said_while_the_list_is_empty(settings: Settings) -> None:
    settings.CORS_ORIGINS = frozenset()
    _, headers = await ask(origin=LISTED)
    assert headers[b"vary"] == b"Accept-Language"
    assert b"access-control-allow-origin" not in headers


def test_the_outermost_application_says_it_for_every_mount() -> None:
    from portal import asgi

    assert asgi.application.__qualname__.startswith("with_cors")
