"""No token in an address, no secret in a log (J17)."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from portal.accounts.models import User
from portal.accounts.services.credentials import check_credentials
from portal.accounts.services.sessions import Client as Program
from portal.accounts.services.sessions import TokenRevoked, Tokens
from portal.core import clock
from portal.core.errors import NotAuthenticated
from tests.portal.accounts.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.req("J17")]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process writes to its log, as it stands there."""
    handler = logging.getLogger().handlers
    ours = next(h for h in handler if isinstance(h, logging.StreamHandler) and _is_json(h))
    stream = io.StringIO()
    before = ours.setStream(stream)
    yield stream
    if before is not None:
        ours.setStream(before)


def _is_json(handler: logging.Handler) -> bool:
    return type(handler.formatter).__name__ == "ProcessorFormatter"


@pytest.mark.parametrize("name", ["token", "access", "access_token", "jwt", "authorization"])
def test_token_in_the_address_opens_nothing(name: str, signed_in: Tokens, client: Client) -> None:
    response = client.get("/api/v1/auth/me/", {name: signed_in.access})

    assert response.status_code in (400, 401)


def test_no_address_has_a_place_for_a_token() -> None:
    def walk(resolver: URLResolver, before: str = "") -> Iterator[str]:
        for entry in resolver.url_patterns:
            path = before + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry, path)
            elif isinstance(entry, URLPattern):
                yield path

    assert [path for path in walk(get_resolver()) if re.search("<[^>]*token", path)] == []


def test_signing_in_and_out_writes_no_secret_to_the_log(
    ines: User, client: Client, written: io.StringIO
) -> None:
    body = {"username": "ines", "password": PASSWORD}
    answer = client.post("/api/v1/auth/token/", body, content_type="application/json").json()
    again = client.post(
        "/api/v1/auth/token/refresh/",
        {"refresh": answer["refresh"]},
        content_type="application/json",
    ).json()
    bearer = {"Authorization": f"Bearer {again['access']}"}
    client.get("/api/v1/auth/me/", headers=bearer)
    client.post("/api/v1/auth/logout/", content_type="application/json", headers=bearer)
    client.get("/api/v1/auth/me/", headers=bearer)
    wrong = {"username": PASSWORD, "password": "not-her-passphrase"}
    client.post("/api/v1/auth/token/", wrong, content_type="application/json")

    log = written.getvalue()

    assert log.count("request_finished") == 6
    secrets = [PASSWORD, "not-her-passphrase"]
    for token in (answer["access"], answer["refresh"], again["access"], again["refresh"]):
        secrets += [token, token.split(".")[1], token.split(".")[2]]
    assert [secret for secret in secrets if secret in log] == []
    assert all(json.loads(line) for line in log.splitlines())


def test_reuse_of_a_refresh_token_is_reported(
    signed_in: Tokens, refresh: Callable[..., Tokens], written: io.StringIO
) -> None:
    refresh(signed_in.refresh)
    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh, client=Program(user_agent="curl/8"))

    (line,) = [json.loads(text) for text in written.getvalue().splitlines() if "reused" in text]
    assert (line["level"], line["session"]) == ("warning", str(signed_in.session.pk))


def test_refused_sign_ins_and_locks_are_in_the_log(ines: User, written: io.StringIO) -> None:
    for username in ("ines", "nobody", "ines", *["ines"] * 10):
        with pytest.raises(NotAuthenticated):
            check_credentials(
                username=username, password="wrong", address="192.0.2.1", at=clock.now()
            )

    lines = [json.loads(text) for text in written.getvalue().splitlines()]
    refused = [line["account"] for line in lines if line["event"] == "sign_in_refused"]
    assert refused == [str(ines.pk), "unknown", *[str(ines.pk)] * 9]
    assert [line["limit"] for line in lines if line["event"] == "sign_in_locked"] == ["account"] * 2
