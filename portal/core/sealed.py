"""Personal data at rest: sealed columns that open only in their place, digests to search them by.

Sealing is AES-256-GCM under the first key of the ring `IDENTITY_KEYS`; table, column, row and key
id are authenticated with it, so that what was moved to another place does not open. Search is by
HMAC-SHA-256 under `IDENTITY_INDEX_KEY`: equality only, another digest in every column (PV-01,
PV-07, ASVS 11.2.2, 11.3.2; NIST SP 800-38D).

A sealed value is: 1 (the format), the length of the key id, the key id, 12 bytes of nonce, the
ciphertext with its tag of 16 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from portal.core.errors import Unavailable

FORMAT = 1
KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}", re.ASCII)


class KeyMissing(Unavailable):
    """The key of these personal data is not available; they are neither shown nor changed."""

    code = "key_missing"


class SealBroken(Unavailable):
    """These personal data were altered or moved since they were written; they are not shown."""

    code = "seal_broken"


class MalformedKeys(ValueError):
    """The keys are not as they should be written: id:base64, of 32 bytes, separated by commas."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands."""

    table: str
    column: str
    row: UUID

    def bound_to(self, key_id: str) -> bytes:
        """Return what is authenticated with the value; names hold no NUL, so it is unambiguous."""
        parts = (f"portal-sealed-{FORMAT}", self.table, self.column, str(self.row), key_id)
        return "\x00".join(parts).encode()


class _Kept:
    """Something that holds keys: it neither shows nor hands them on."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not handed on")


class KeyRing(_Kept):
    """Keys by id; the first one seals, every one opens."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current = next(iter(keys), "")

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, the current one first."""
        return list(self._keys)

    def seal(self, clear: bytes, place: Place) -> bytes:
        """Return `clear` sealed under the current key for `place`. Raises: KeyMissing."""
        key = self._key(self.current)
        nonce = os.urandom(_NONCE_BYTES)
        name = self.current.encode()
        head = bytes((FORMAT, len(name))) + name + nonce
        return head + key.encrypt(nonce, clear, place.bound_to(self.current))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Return what was sealed for `place`. Raises: KeyMissing, SealBroken."""
        key_id = key_id_of(sealed)
        key = self._key(key_id)
        body = sealed[2 + len(key_id) :]
        try:
            return key.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.bound_to(key_id))
        except InvalidTag:
            raise SealBroken() from None

    def _key(self, key_id: str) -> AESGCM:
        try:
            return self._keys[key_id]
        except KeyError:
            raise KeyMissing() from None


class BlindIndex(_Kept):
    """Digests for equality search; the first key makes those that are stored."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"BlindIndex({self.key_id if self._keys else ''})"

    @property
    def key_id(self) -> str:
        """A fingerprint of the key that makes the stored digests. Raises: KeyMissing."""
        return self._digest(self._key(), "key id")[:8].hex()

    def digest(self, text: str, table: str, column: str) -> bytes:
        """Return the digest to store for `text`. Raises: KeyMissing."""
        return self._digest(self._key(), table, column, text)

    def candidates(self, text: str, table: str, column: str) -> list[bytes]:
        """Return what may be stored for `text` while keys are changed. Raises: KeyMissing."""
        self._key()
        return [self._digest(key, table, column, text) for key in self._keys]

    def _key(self) -> bytes:
        if not self._keys:
            raise KeyMissing()
        return self._keys[0]

    @staticmethod
    def _digest(key: bytes, *parts: str) -> bytes:
        return hmac.digest(key, "\x00".join(parts).encode("utf-8", "replace"), hashlib.sha256)


def normalized(text: str) -> str:
    """Return `text` as it is compared: NFKC, case folded, one space between words."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that sealed a value. Raises: SealBroken."""
    least = 2 + _NONCE_BYTES + _TAG_BYTES
    if len(sealed) < least or sealed[0] != FORMAT or len(sealed) < least + sealed[1]:
        raise SealBroken()
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


@lru_cache(maxsize=4)
def parse_ring(text: str) -> KeyRing:
    """Read `k2:base64,k1:base64`; empty text is a ring without keys. Raises: MalformedKeys."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, _colon, encoded = part.partition(":")
        key = _decoded(encoded)
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
            raise MalformedKeys(MalformedKeys.__doc__)
        if key_id in keys or key in keys.values():
            raise MalformedKeys("a key or its id stands twice")
        keys[key_id] = key
    return KeyRing(keys)


@lru_cache(maxsize=4)
def parse_index(text: str) -> BlindIndex:
    """Read base64 keys of at least 32 bytes, separated by commas. Raises: MalformedKeys."""
    keys = key_bytes(text)
    if any(len(key) < KEY_BYTES for key in keys) or len(set(keys)) < len(keys):
        raise MalformedKeys("IDENTITY_INDEX_KEY is base64 of at least 32 bytes, each key once")
    return BlindIndex(keys)


def key_bytes(text: str) -> list[bytes]:
    """Return the keys of either setting, to be judged. Raises: MalformedKeys."""
    parts = filter(None, (part.strip() for part in text.split(",")))
    return [_decoded(part.rpartition(":")[2]) for part in parts]


def key_ring() -> KeyRing:
    """Return the ring of the settings. Raises: KeyMissing when it cannot be read."""
    try:
        return parse_ring(str(settings.IDENTITY_KEYS))
    except MalformedKeys:
        raise KeyMissing() from None


def blind_index() -> BlindIndex:
    """Return the index of the settings. Raises: KeyMissing when it cannot be read."""
    try:
        return parse_index(str(settings.IDENTITY_INDEX_KEY))
    except MalformedKeys:
        raise KeyMissing() from None


def _decoded(text: str) -> bytes:
    padded = text.rstrip("=")
    padded += "=" * (-len(padded) % 4)
    try:
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedKeys(MalformedKeys.__doc__) from None
