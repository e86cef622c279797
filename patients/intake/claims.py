"""The bearer token of an upload: the common one checked in microseconds, the others by the service.

The fast check only says yes. Whatever it does not recognize goes to portal.accounts.services.tokens
and gets the verdict that it would have got anywhere else. Neither says whether the session still
counts: that is judged in the statement that writes.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from django.core.signals import setting_changed
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from patients.intake import rows
from patients.intake.configured import configured
from portal.accounts.services import tokens
from portal.accounts.services.tokens import LATEST_SECOND, LONGEST_TOKEN, TokenType

ACCEPTED = frozenset({TokenType.ACCESS, TokenType.DEVICE})
_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=") + b"."
_Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
_Second = Annotated[int, Meta(gt=0, le=LATEST_SECOND)]


class _Payload(Struct, forbid_unknown_fields=True, gc=False):
    iss: str
    aud: str
    sub: _Uuid
    sid: _Uuid
    jti: Annotated[str, Meta(pattern=r"^[0-9a-f]{32,64}\Z")]
    iat: _Second
    exp: _Second
    token_type: Literal["access", "device"]
    roles: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Payload).decode


class Bearer(Struct, frozen=True, gc=False):
    """Who says to be calling; the ids are text in canonical form.

    `fields` is session, person and whether it is a device, as fields of what is written.
    """

    user: str
    session: str
    is_device: bool
    expires: int
    fields: bytes


def _bearer(user: str, session: str, is_device: bool, expires: int) -> Bearer:
    fields = rows.uuid(session) + rows.uuid(user) + rows.truth(is_device)
    return Bearer(user, session, is_device, expires, fields)


def bearer_of(token: bytes, at: datetime) -> Bearer:
    """Return what a genuine access or device token says. Raises: TokenInvalid, TokenExpired."""
    found = _quick(token, at.timestamp())
    if found is not None:
        return found
    claims = tokens.read(token.decode("latin-1"), ACCEPTED, at)
    return _bearer(
        str(claims.user),
        str(claims.session),
        claims.token_type is TokenType.DEVICE,
        int(claims.expires_at.timestamp()),
    )


def _quick(token: bytes, now: float) -> Bearer | None:
    """Return the bearer of an HS256 token that is beyond doubt."""
    try:
        bearer, issued = _genuine(token)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    is_timely = issued <= now and bearer.expires > now - configured().leeway + 1
    return bearer if is_timely else None


# A monitor and a phone send one token many times. What is remembered is that it was signed by us;
# its time is looked at each time, and its session in the statement. What fails is not remembered.
@lru_cache(maxsize=8192)
def _genuine(token: bytes) -> tuple[Bearer, int]:
    """Return who an HS256 token names, and when it was issued. Raises: ValueError, MsgspecError."""
    known = configured()
    if known.signing_key is None or not token.startswith(_HEADER) or len(token) > LONGEST_TOKEN:
        raise ValueError
    signed, _, signature = token.rpartition(b".")
    if not hmac.compare_digest(_encoded(_mac(signed, known.signing_key)), signature):
        raise ValueError
    part = signed[len(_HEADER) :]
    decoded = binascii.a2b_base64(part.translate(_STANDARD) + b"=" * (-len(part) % 4))
    said = _decode(decoded)
    is_device = said.token_type == TokenType.DEVICE
    is_beyond_doubt = (
        _encoded(decoded) == part
        and said.iss == known.issuer
        and said.aud == known.audience
        and (said.roles is UNSET) == is_device
    )
    if not is_beyond_doubt:
        raise ValueError
    return _bearer(said.sub, said.sid, is_device, said.exp), said.iat


def _forget(**_: Any) -> None:
    _genuine.cache_clear()


setting_changed.connect(_forget)


def _mac(signed: bytes, key: bytes) -> bytes:
    """Return HMAC-SHA-256 from the two halves of the key's own work, done once. Source: RFC 2104.

    A test holds it against the standard library's, whose set-up costs more than its hashing.
    """
    inside, outside = _keyed(key)
    inner, outer = inside.copy(), outside.copy()
    inner.update(signed)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=2)
def _keyed(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK, b"\0")
    return hashlib.sha256(padded.translate(_INNER)), hashlib.sha256(padded.translate(_OUTER))


_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_URL_SAFE, _STANDARD = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def _encoded(value: bytes) -> bytes:
    """Return base64url without padding, as the standard library does in three times the time."""
    return binascii.b2a_base64(value, newline=False).translate(_URL_SAFE, b"=")


def expires_at(bearer: Bearer) -> datetime:
    """Return when the token ends."""
    return datetime.fromtimestamp(bearer.expires, UTC)
