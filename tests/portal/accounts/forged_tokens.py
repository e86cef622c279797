"""A table of forged tokens: whatever takes a token must refuse every one of them.

Each row makes its token from a genuine one. The rows signed with the right key stand for a mistake
of ours (a foreign claim, a wrong type), the others for an attacker.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.conf import settings

Claims = dict[str, Any]


@dataclass(frozen=True)
class Genuine:
    """A token that counts, and what it says."""

    token: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @classmethod
    def of(cls, token: str) -> "Genuine":
        """Read a genuine token."""
        header, claims, _ = token.split(".")
        return cls(token, json.loads(decoded(header)), json.loads(decoded(claims)))


def decoded(part: str) -> bytes:
    """Return the bytes behind a part."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(data: bytes) -> str:
    """Return a part."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: str | None = None, digest: Any = hashlib.sha256) -> str:
    """Return a token signed with the portal's key, or with another `key`; "" leaves it unsigned."""
    body = f"{encoded(_json(header))}.{encoded(_json(claims))}"
    key = settings.SIMPLE_JWT["SIGNING_KEY"] if key is None else key
    if key == "":
        return body + "."
    return f"{body}.{encoded(hmac.new(key.encode(), body.encode(), digest).digest())}"


def _json(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def with_claims(**changes: Any) -> Callable[[Genuine], str]:
    """Change claims and sign rightly; None takes a claim away."""

    def make(genuine: Genuine) -> str:
        claims = {**genuine.claims, **changes}
        return signed(genuine.header, {k: v for k, v in claims.items() if v is not None})

    return make


def with_header(key: str | None = None, **changes: Any) -> Callable[[Genuine], str]:
    """Change the header and sign rightly (or with another key); None takes a name away."""

    def make(genuine: Genuine) -> str:
        header = {**genuine.header, **changes}
        header = {k: v for k, v in header.items() if v is not None}
        return signed(header, dict(genuine.claims), key)

    return make


def with_raw(name: str, text: str) -> Callable[[Genuine], str]:
    """Put `text`, which need not be JSON, in the place of a claim's value and sign rightly."""

    def make(genuine: Genuine) -> str:
        body = json.dumps({**genuine.claims, name: "@"}).replace('"@"', text)
        return signed(genuine.header, body)

    return make


def _unsigned(algorithm: str | None) -> Callable[[Genuine], str]:
    return with_header(key="", alg=algorithm)


FORGED: dict[str, Callable[[Genuine], str]] = {
    # J1: no algorithm, another algorithm
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg nOnE": _unsigned("nOnE"),
    "alg missing": with_header(alg=None),
    "alg unknown": with_header(alg="HS1024"),
    "alg HS512": with_header(alg="HS512"),
    "alg RS256 with our secret": with_header(alg="RS256"),
    "alg is a list": with_header(alg=["HS256"]),
    "no signature": lambda genuine: genuine.token.rsplit(".", 1)[0] + ".",
    "header is no object": lambda genuine: signed("[]", dict(genuine.claims)),
    "header is no JSON": lambda genuine: signed("{", dict(genuine.claims)),
    # J2: the token chooses the key
    "kid leaves the folder": with_header(kid="../../dev/null"),
    "kid is SQL": with_header(kid="x' UNION SELECT 'key"),
    "jku": with_header(jku="https://attacker.example/keys.json"),
    "x5u": with_header(x5u="https://attacker.example/cert.pem"),
    "jwk": with_header(jwk={"kty": "oct", "k": "AA"}),
    "crit": with_header(crit=["exp"]),
    "cty": with_header(cty="JWT"),
    "signed with an empty kid's key": with_header(key="\x00", kid="/dev/null"),
    "signed with another key": with_header(key="k" * 50),
    "signed with SECRET_KEY": lambda genuine: with_header(key=settings.SECRET_KEY)(genuine),
    # J3: for another purpose
    "refresh": with_claims(token_type="refresh"),
    "refresh without roles": with_claims(token_type="refresh", roles=None),
    "device": with_claims(token_type="device", roles=None),
    "ticket": with_claims(token_type="ticket", roles=None),
    "sliding": with_claims(token_type="sliding"),
    "password reset": with_claims(token_type="password_reset"),
    "no type": with_claims(token_type=None),
    "type is a list": with_claims(token_type=["access"]),
    # J4 and J6: from elsewhere, from another time
    "no aud": with_claims(aud=None),
    "other aud": with_claims(aud="another-portal"),
    "aud is a list with ours": with_claims(aud=["clinical-portal", "x"]),
    "no iss": with_claims(iss=None),
    "staging": with_claims(iss="clinical-portal-staging"),
    "production": with_claims(iss="clinical-portal-production"),
    "future nbf": with_claims(nbf=4_000_000_000),
    "future iat": with_claims(iat=4_000_000_000),
    "no iat": with_claims(iat=None),
    "iat is a text": with_claims(iat="1700000000"),
    "no exp": with_claims(exp=None),
    "exp is a text": with_claims(exp="4000000000"),
    "exp is a float": with_claims(exp=4_000_000_000.5),
    "exp is true": with_claims(exp=True),
    "exp is NaN": with_raw("exp", "NaN"),
    "exp is infinite": with_raw("exp", "Infinity"),
    "exp is 1e999": with_raw("exp", "1e999"),
    "exp is beyond every calendar": with_claims(exp=10**18),
    "exp is zero": with_claims(exp=0),
    "exp is negative": with_claims(exp=-1),
    "exp has 5000 digits": with_raw("exp", "9" * 2500),
    "expired": with_claims(exp=1_700_000_000),
    # J5: not a token
    "empty": lambda genuine: "",
    "two dots": lambda genuine: "..",
    "one part": lambda genuine: genuine.token.split(".")[0],
    "four parts": lambda genuine: genuine.token + ".AAAA",
    "five parts": lambda genuine: "a.b.c.d.e",
    "truncated": lambda genuine: genuine.token[:-1],
    "a line end inside": lambda genuine: genuine.token[:20] + "\n" + genuine.token[20:],
    "a line end behind": lambda genuine: genuine.token + "\n",
    "a blank inside": lambda genuine: genuine.token[:-5] + " " + genuine.token[-5:],
    "padded": lambda genuine: genuine.token + "=",
    "a megabyte": lambda genuine: "A" * 1_000_000,
    "a megabyte of claims": with_claims(roles=["x" * 1_000_000]),
    "not ASCII": lambda genuine: genuine.token[:-1] + "é",
    "NUL": lambda genuine: genuine.token + "\x00",
    "claims are a list": lambda genuine: signed(dict(genuine.header), "[]"),
    "claims are no JSON": lambda genuine: signed(dict(genuine.header), "{"),
    "claims are very deep": lambda genuine: signed(dict(genuine.header), "[" * 1500),
    # J11: whose it is, in another type
    "sub is a number": with_claims(sub=1),
    "sub is a float": with_claims(sub=1.0),
    "sub is true": with_claims(sub=True),
    "sub is a list": lambda genuine: with_claims(sub=[genuine.claims["sub"]])(genuine),
    "sub is an object": with_claims(sub={"$gt": 0}),
    "sub is empty": with_claims(sub=""),
    "sub is in upper case": lambda g: with_claims(sub=g.claims["sub"].upper())(g),
    "sub without hyphens": lambda g: with_claims(sub=g.claims["sub"].replace("-", ""))(g),
    "sub is somebody else": lambda genuine: with_claims(sub=str(uuid4()))(genuine),
    "no sub": with_claims(sub=None),
    "user_id instead of sub": lambda g: with_claims(sub=None, user_id=g.claims["sub"])(g),
    "sid is a number": with_claims(sid=1),
    "sid is unknown": lambda genuine: with_claims(sid=str(uuid4()))(genuine),
    "no sid": with_claims(sid=None),
    "jti is a number": with_claims(jti=1),
    "jti is empty": with_claims(jti=""),
    "no jti": with_claims(jti=None),
    "a foreign claim": with_claims(is_superuser=True),
}


def flipped(token: str) -> Iterator[tuple[str, str]]:
    """Yield the token with one character changed, for every character: (where, token)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for index, character in enumerate(token):
        if character != ".":
            other = alphabet[(alphabet.index(character) ^ 1) % 64]
            yield f"character {index}", token[:index] + other + token[index + 1 :]
