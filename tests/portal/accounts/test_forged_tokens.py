"""Forged tokens are refused, by the service and by the API (attacks J1 to J6 and J11)."""

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.test import Client
from pytest_django import Settings

from portal.accounts.services import sessions
from portal.accounts.services.sessions import Tokens
from portal.core import clock
from portal.core.errors import NotAuthenticated
from tests.portal.accounts.forged_tokens import FORGED, Genuine, flipped, signed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", FORGED)
def test_forged_token_is_refused(name: str, signed_in: Tokens) -> None:
    forged = FORGED[name](Genuine.of(signed_in.access))

    with pytest.raises(NotAuthenticated):
        sessions.authenticate(forged, clock.now())


# HTTP itself drops what is blank at the end of a header.
@pytest.mark.parametrize("name", [name for name in FORGED if name != "a line end behind"])
def test_api_answers_a_forged_token_with_401(name: str, signed_in: Tokens, client: Client) -> None:
    forged = FORGED[name](Genuine.of(signed_in.access))

    response = client.get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {forged}"})

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"] in {
        "token_missing",
        "token_invalid",
        "token_expired",
    }


def test_every_changed_character_is_noticed(signed_in: Tokens) -> None:
    accepted = []
    for where, forged in flipped(signed_in.access):
        try:
            sessions.authenticate(forged, clock.now())
        except NotAuthenticated:
            continue
        accepted.append(where)

    assert accepted == []


def test_genuine_token_signed_again_with_the_key_is_accepted(signed_in: Tokens) -> None:
    """The table's way of signing is right, so that its refusals mean what they say."""
    genuine = Genuine.of(signed_in.access)

    again = signed(dict(genuine.header), dict(genuine.claims))

    assert sessions.authenticate(again, clock.now()).user == signed_in.user


def test_access_is_not_taken_for_refresh(signed_in: Tokens, refresh: Callable[..., Tokens]) -> None:
    with pytest.raises(NotAuthenticated):
        refresh(signed_in.access)


def test_refresh_is_not_taken_for_access(signed_in: Tokens) -> None:
    with pytest.raises(NotAuthenticated):
        sessions.authenticate(signed_in.refresh, clock.now())


def _pem_pair(algorithm: str) -> tuple[str, str]:
    private = (
        rsa.generate_private_key(65537, 2048)
        if algorithm == "RS256"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_public_key_does_not_sign(
    algorithm: str, settings: Settings, ines: object, sign_in: Callable[..., Tokens]
) -> None:
    private, public = _pem_pair(algorithm)
    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "ALGORITHM": algorithm,
        "SIGNING_KEY": private,
        "VERIFYING_KEY": public,
    }
    issued = sign_in()
    assert sessions.authenticate(issued.access, clock.now()).user == issued.user

    for header in ({"alg": "HS256", "typ": "JWT"}, {"alg": algorithm, "typ": "JWT"}):
        forged = signed(header, dict(Genuine.of(issued.access).claims), key=public)
        with pytest.raises(NotAuthenticated):
            sessions.authenticate(forged, clock.now())
