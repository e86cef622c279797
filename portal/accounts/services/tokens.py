"""Tokens: SimpleJWT signs them and checks the signature, this reads them strictly.

A token is a bearer's claim only. Whether it still counts is decided by the session's row
(portal.accounts.services.sessions).
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from portal.core.errors import NotAuthenticated

LONGEST_TOKEN = 4096
LATEST_SECOND = 253_402_300_799  # the end of the year 9999
_SEGMENT = r"([A-Za-z0-9_-]+)"
_FORM = re.compile(rf"{_SEGMENT}\.{_SEGMENT}\.{_SEGMENT}")
_JTI = re.compile(r"[0-9a-f]{32,64}")


class TokenInvalid(NotAuthenticated):
    """The token is not valid."""

    code = "token_invalid"


class TokenExpired(NotAuthenticated):
    """The token has expired."""

    code = "token_expired"


class TokenType(StrEnum):
    """What a token is for; none is taken for another."""

    ACCESS = "access"
    REFRESH = "refresh"
    DEVICE = "device"
    TICKET = "ticket"


_COMMON = frozenset({"iss", "aud", "sub", "jti", "sid", "iat", "exp", "token_type"})
_CLAIMS: Mapping[TokenType, frozenset[str]] = {
    TokenType.ACCESS: _COMMON | {"roles"},
    TokenType.REFRESH: _COMMON,
    TokenType.DEVICE: _COMMON,
    TokenType.TICKET: _COMMON,
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says."""

    token_type: TokenType
    user: UUID
    session: UUID
    jti: str
    issued_at: datetime
    expires_at: datetime


def new_jti() -> str:
    """Return a fresh random token id."""
    return secrets.token_hex(16)


def make(
    token_type: TokenType,
    *,
    user: UUID,
    session: UUID,
    issued_at: datetime,
    expires_at: datetime,
    jti: str | None = None,
    roles: Iterable[str] = (),
) -> str:
    """Return a signed token; equal arguments (with `jti`) give the same string under HS and EdDSA.

    `roles` are for display and only access tokens carry them: no check ever reads them.
    """
    payload: dict[str, Any] = {
        "sub": str(user),
        "sid": str(session),
        "jti": jti or new_jti(),
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "token_type": token_type.value,
    }
    if token_type is TokenType.ACCESS:
        payload["roles"] = sorted(set(roles))
    return str(_backend().encode(payload))


def read(token: str, accepts: Iterable[TokenType], at: datetime) -> Claims:
    """Return what `token` claims, if it is one of the types that the caller `accepts`.

    Source: RFC 8725; OWASP ASVS 5.0 9.1 and 9.2.
    Raises: TokenInvalid, TokenExpired.
    """
    backend = _backend()
    _check_form(token, backend.algorithm)
    try:
        payload = backend.decode(token)  # type: ignore[arg-type]
    except TokenBackendExpiredToken:
        raise TokenExpired() from None
    except (TokenBackendError, ArithmeticError, ValueError, TypeError, RecursionError):
        raise TokenInvalid() from None
    claims = _claims(payload, frozenset(accepts), at)
    if claims.expires_at.timestamp() + settings.SIMPLE_JWT["LEEWAY"] <= at.timestamp():
        raise TokenExpired()
    return claims


def _check_form(token: str, algorithm: str) -> None:
    """Three canonical base64url parts, and a header that names our algorithm and nothing else.

    Lenient decoders skip foreign characters and the last bits of a part, so that many strings would
    pass for one token; and headers like kid, jku or jwk would choose the key.
    """
    match = _FORM.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if match is None:
        raise TokenInvalid()
    header, _payload, _signature = (_decode_exactly(part) for part in match.groups())
    try:
        said = json.loads(header)
    except (ValueError, RecursionError):
        raise TokenInvalid() from None
    if said != {"alg": algorithm, "typ": "JWT"}:
        raise TokenInvalid()


def _decode_exactly(part: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise TokenInvalid() from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise TokenInvalid()
    return decoded


def _claims(payload: Any, accepts: frozenset[TokenType], at: datetime) -> Claims:
    if not isinstance(payload, dict):
        raise TokenInvalid()
    token_type = next((t for t in accepts if t.value == payload.get("token_type")), None)
    if token_type is None or payload.keys() != _CLAIMS[token_type]:
        raise TokenInvalid()
    if not isinstance(payload["aud"], str):
        raise TokenInvalid()
    jti = payload["jti"]
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise TokenInvalid()
    issued_at = _instant(payload["iat"])
    if issued_at.timestamp() > at.timestamp() + settings.SIMPLE_JWT["LEEWAY"]:
        raise TokenInvalid()
    return Claims(
        token_type=token_type,
        user=_uuid(payload["sub"]),
        session=_uuid(payload["sid"]),
        jti=jti,
        issued_at=issued_at,
        expires_at=_instant(payload["exp"]),
    )


def _uuid(value: Any) -> UUID:
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or str(found) != value:
        raise TokenInvalid()
    return found


def _instant(value: Any) -> datetime:
    if type(value) is not int or not 0 < value <= LATEST_SECOND:
        raise TokenInvalid()
    return datetime.fromtimestamp(value, UTC)


def _backend() -> TokenBackend:
    configured = settings.SIMPLE_JWT
    return _make_backend(
        configured["ALGORITHM"],
        configured["SIGNING_KEY"],
        configured["VERIFYING_KEY"],
        configured["AUDIENCE"],
        configured["ISSUER"],
        configured["LEEWAY"],
    )


@lru_cache(maxsize=4)
def _make_backend(
    algorithm: str, signing: str, verifying: str, audience: str, issuer: str, leeway: int
) -> TokenBackend:
    return TokenBackend(algorithm, signing, verifying, audience, issuer, leeway=leeway)
