"""The bearer token of an upload: the common one checked in microseconds, the others by the service.

The fast check only says yes. Whatever it does not recognize goes to portal.accounts.services.tokens
and gets the verdict that it would have got anywhere else. Neither says whether the session still
counts: that is judged in the statement that writes.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from django.conf import settings
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

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


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who says to be calling; the ids are text in canonical form."""

    user: str
    session: str
    is_device: bool
    expires: int


def bearer_of(token: bytes, at: datetime) -> Bearer:
    """Return what a genuine access or device token says. Raises: TokenInvalid, TokenExpired."""
    found = _quick(token, at.timestamp())
    if found is not None:
        return found
    claims = tokens.read(token.decode("latin-1"), ACCEPTED, at)
    return Bearer(
        user=str(claims.user),
        session=str(claims.session),
        is_device=claims.token_type is TokenType.DEVICE,
        expires=int(claims.expires_at.timestamp()),
    )


def _quick(token: bytes, now: float) -> Bearer | None:
    """Return the bearer of an HS256 token that is beyond doubt."""
    configured = settings.SIMPLE_JWT
    if configured["ALGORITHM"] != "HS256" or not token.startswith(_HEADER):
        return None
    signed, _, signature = token.rpartition(b".")
    if len(token) > LONGEST_TOKEN or not hmac.compare_digest(
        _signature(signed, configured["SIGNING_KEY"]), signature
    ):
        return None
    part = signed[len(_HEADER) :]
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
        said = _decode(decoded)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    leeway = configured["LEEWAY"]
    is_beyond_doubt = (
        base64.urlsafe_b64encode(decoded).rstrip(b"=") == part
        and said.iss == configured["ISSUER"]
        and said.aud == configured["AUDIENCE"]
        and (said.roles is UNSET) == (said.token_type == TokenType.DEVICE)
        and said.iat <= now
        and said.exp > now - leeway + 1
    )
    if not is_beyond_doubt:
        return None
    return Bearer(said.sub, said.sid, said.token_type == TokenType.DEVICE, said.exp)


def _signature(signed: bytes, key: str) -> bytes:
    keyed = _keyed(key).copy()
    keyed.update(signed)
    return base64.urlsafe_b64encode(keyed.digest()).rstrip(b"=")


@lru_cache(maxsize=2)
def _keyed(key: str) -> "hmac.HMAC":
    return hmac.new(key.encode(), digestmod=hashlib.sha256)


def expires_at(bearer: Bearer) -> datetime:
    """Return when the token ends."""
    return datetime.fromtimestamp(bearer.expires, UTC)
