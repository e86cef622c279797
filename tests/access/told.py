"""What a blinded person is told, without what differs between any two answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.test import Client

from tests.access.walker import Reader
from tests.access.world import World, bearer
from tests.portal.desk.world import signed_in

Told = Iterator[tuple[str, Any]]
# What differs between any two answers: the request's id, the nonce, the token of a form.
_CHANGING = re.compile(
    rb"nonce-[\w=+/-]+|nonce=\"[^\"]*\"|name=\"csrfmiddlewaretoken\" value=\"[^\"]*\""
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\d{8}T\d{6}Z"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"
)
_HEADERS_THAT_CHANGE = frozenset(
    {"X-Request-Id", "Set-Cookie", "Content-Security-Policy", "Expires", "Last-Modified"}
)
# What is shown again to whoever has typed it.
_ASKED = re.compile(rb"value=\"ZQX\"|q=ZQX|search=ARM-ZQX7")


@dataclass
class Blinded:
    """A blinded reader with the ways in that they have; made once, used for every run."""

    world: World
    reader: Reader
    # 0: every address once; 1: odd parameters and orders too; 2: each column, filter and form.
    depth: int
    # Of which models the desk is read: None means all.
    models: frozenset[Any] | None = None
    # Which addresses of the API are asked: None means all.
    addresses: frozenset[str] | None = None
    headers: dict[str, str] = field(init=False)
    browser: Client = field(init=False)

    def __post_init__(self) -> None:
        # A whole run outlives a token of ten minutes, and 401 would always be equal to 401.
        self.headers = bearer(self.reader.person, lifetime=timedelta(hours=12))
        self.browser = signed_in(self.reader.person)


def masked(content: bytes) -> bytes:
    """Return bytes without ids, instants and whatever else never comes twice."""
    return _CHANGING.sub(b"*", content)


def told(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Return an answer without what changes from one to the next."""
    headers = {
        name: masked(value.encode()).decode()
        for name, value in answer.items()
        if name not in _HEADERS_THAT_CHANGE
    }
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, headers, _ASKED.sub(b"", masked(content))


def get(client: Client, address: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    """GET, then take back what the request has written: entries in the trail, a session's data."""
    with transaction.atomic():
        answer = told(client.get(address, **more))
        transaction.set_rollback(True)
    return answer
