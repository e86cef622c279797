"""Every address of the API, walked: its headers, and that nobody keeps what it answers."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.access.walker import NEVER_MADE, routed
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")


def problems_of(address: str, answer: HttpResponse) -> Iterator[str]:
    """Yield what an answer lacks."""
    expected = {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    for name, value in expected.items():
        if answer.get(name) != value:
            yield f"{address}: {name} is {answer.get(name)}"
    policy = answer.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy or "unsafe" in policy:
        yield f"{address}: Content-Security-Policy is {policy}"
    if not answer.get("Permissions-Policy"):
        yield f"{address}: no Permissions-Policy"
    if "no-store" not in answer.get("Cache-Control", ""):
        yield f"{address}: Cache-Control is {answer.get('Cache-Control')}"


@pytest.mark.req("F110")
def test_no_address_of_the_api_is_without_headers_or_may_be_kept(world: World) -> None:
    headers = bearer(make_person(world, "walking", "inspector"))
    client, wrong = Client(raise_request_exception=False), []
    for _name, method, path in routed():
        address = path.replace("{id}", str(NEVER_MADE))
        for who in (headers, {}):
            answer = client.generic(method, address, b"{}", "application/json", headers=who)
            wrong += problems_of(f"{method} {address}", answer)
            if address.startswith("/api/") and "Authorization" not in answer["Vary"]:
                wrong.append(f"{address}: does not vary by Authorization")
            answer.close()
    assert wrong == []
