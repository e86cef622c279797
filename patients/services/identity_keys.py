"""The keys of one person: made for each writing, wrapped under the ring, destroyed to erase."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from patients.models import Identity, IdentityKey
from portal.core.ids import uuid7
from portal.core.sealed import KEY_BYTES, KeyMissing, KeyRing, Place, key_ring

TABLE = IdentityKey._meta.db_table
# Column of an identity -> column of the key that seals it.
KEY_OF: Mapping[str, str] = MappingProxyType(
    {
        "name": "person_key",
        "birth_date": "person_key",
        "contact": "contact_key",
        "identifiers": "person_key",
    }
)
KEYS = ("person_key", "contact_key")
Rings = Mapping[str, KeyRing]


def made_for(identity: UUID, at: datetime) -> tuple[IdentityKey, Rings]:
    """Return new keys of a person, to be stored with what they seal, and their rings by column.

    Raises: KeyMissing.
    """
    ring, key = key_ring(), uuid7(at)
    clear = {column: os.urandom(KEY_BYTES) for column in KEYS}
    wrapped = {column: ring.seal(value, _place(column, key)) for column, value in clear.items()}
    made = IdentityKey(id=key, identity_id=identity, key_id=ring.current, created_at=at, **wrapped)
    return made, {column: KeyRing({str(key): value}) for column, value in clear.items()}


def opener_of(identity: Identity) -> IdentityKey:
    """Return the keys that sealed what an identity's row holds. Raises: KeyMissing."""
    for key in identity.keys.all():
        if str(key.pk) == identity.key_id:
            return key
    raise KeyMissing()


def ring_of(key: IdentityKey, column: str) -> KeyRing:
    """Return the ring of the key of one part. Raises: KeyMissing, SealBroken."""
    wrapped = getattr(key, column)
    if wrapped is None:
        raise KeyMissing()
    return KeyRing({str(key.pk): key_ring().open(bytes(wrapped), _place(column, key.pk))})


def wrapped_anew(key: IdentityKey) -> IdentityKey:
    """Return the keys wrapped under the ring's current key. Raises: KeyMissing, SealBroken."""
    ring = key_ring()
    for column, wrapped in _standing(key):
        place = _place(column, key.pk)
        setattr(key, column, ring.seal(ring.open(wrapped, place), place))
    key.key_id = ring.current
    return key


def _standing(key: IdentityKey) -> Iterator[tuple[str, bytes]]:
    for column in KEYS:
        wrapped = getattr(key, column)
        if wrapped is not None:
            yield column, bytes(wrapped)


def _place(column: str, row: UUID) -> Place:
    return Place(TABLE, column, row)
