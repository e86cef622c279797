"""The fast token check says yes only where the service does."""

import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from patients.intake import claims
from portal.accounts.services import tokens
from portal.accounts.services.tokens import TokenExpired, TokenInvalid, TokenType
from portal.core import clock
from portal.core.ids import uuid7
from tests.portal.accounts.forged_tokens import FORGED, Genuine, flipped, signed


def _token(kind: TokenType = TokenType.ACCESS, *, seconds: int = 600) -> str:
    at = clock.now()
    return tokens.make(
        kind,
        user=uuid7(),
        session=uuid7(),
        issued_at=at - timedelta(hours=1),
        expires_at=at + timedelta(seconds=seconds),
    )


def _verdict(read: Callable[[], object]) -> str:
    try:
        read()
    except (TokenInvalid, TokenExpired) as refusal:
        return refusal.code
    return "ok"


def _both(token: str) -> tuple[str, str]:
    at = clock.now()
    fast = _verdict(lambda: claims.bearer_of(token.encode("latin-1"), at))
    return fast, _verdict(lambda: tokens.read(token, claims.ACCEPTED, at))


@pytest.mark.parametrize("name", FORGED)
def test_forged_token_gets_the_verdict_that_the_service_gives(name: str) -> None:
    fast, slow = _both(FORGED[name](Genuine.of(_token())))

    assert fast == slow


@pytest.mark.parametrize("kind", TokenType)
def test_kinds_of_tokens_are_told_apart_as_the_service_does(kind: TokenType) -> None:
    fast, slow = _both(_token(kind))

    assert fast == slow == ("ok" if kind in claims.ACCEPTED else "token_invalid")


def test_no_changed_character_is_overlooked() -> None:
    at = clock.now()

    verdicts = {
        _verdict(lambda forged=forged: claims.bearer_of(forged.encode(), at))  # type: ignore[misc]
        for _, forged in flipped(_token())
    }

    assert verdicts == {"token_invalid"}


def test_genuine_token_takes_the_fast_way() -> None:
    token = _token(TokenType.DEVICE)

    found = claims._quick(token.encode(), clock.now().timestamp())

    assert found is not None and found.is_device


def test_payload_written_loosely_but_signed_goes_the_slow_way() -> None:
    genuine = Genuine.of(_token())
    again = signed(dict(genuine.header), dict(genuine.claims))

    assert _both(again) == ("ok", "ok")


def test_token_seen_before_is_refused_once_its_time_is_over() -> None:
    token = _token(seconds=600).encode()
    at = clock.now()

    assert claims.bearer_of(token, at)
    with pytest.raises(TokenExpired):
        claims.bearer_of(token, at + timedelta(seconds=606))


def test_token_seen_before_is_refused_once_its_key_is_gone(settings: Any) -> None:
    token, at = _token().encode(), clock.now()
    assert claims.bearer_of(token, at)

    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "SIGNING_KEY": "another key, as long as this " * 2,
    }

    with pytest.raises(TokenInvalid):
        claims.bearer_of(token, at)


@pytest.mark.parametrize("seconds", [-3600, -6, -5, -4, -1, 0, 1])
def test_both_agree_at_the_edge_of_expiry(seconds: int) -> None:
    fast, slow = _both(_token(seconds=seconds))

    assert fast == slow


@pytest.mark.parametrize("length", [1, 31, 32, 63, 64, 65, 200])
def test_code_of_a_key_of_any_length_is_the_standard_librarys(length: int) -> None:
    key, signed = bytes(range(length)), b"header.payload" * 20

    assert claims._mac(signed, key) == hmac.digest(key, signed, "sha256")
