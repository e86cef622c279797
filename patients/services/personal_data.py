"""Personal data of one person, between memory and the sealed columns of an identity's row."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NoReturn
from uuid import UUID

from patients.models import Identity, IdentityKey
from patients.services.identity_keys import KEY_OF, made_for, opener_of, ring_of
from portal.core.errors import FieldError, InvalidInput
from portal.core.partial_dates import PartialDateTime
from portal.core.sealed import BlindIndex, KeyRing, Place, blind_index, normalized

TABLE = Identity._meta.db_table
COLUMNS = tuple(KEY_OF)
_LONGEST = 1000
_MOST_KINDS = 20


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Who a patient is. Its repr shows nothing, and it is never serialized as it is.

    `contact` is by kind (phone, email, address), `identifiers` by issuer or kind. `birth_date` may
    be partial.
    """

    name: str | None = field(default=None, repr=False)
    birth_date: PartialDateTime | None = field(default=None, repr=False)
    contact: Mapping[str, str] = field(default_factory=_nothing, repr=False)
    identifiers: Mapping[str, str] = field(default_factory=_nothing, repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("personal data are not handed on: to tasks, caches or other processes")

    @property
    def stated(self) -> list[str]:
        """The names of the parts that are known."""
        return [column for column in COLUMNS if getattr(self, column)]


def check_personal_data(data: PersonalData) -> None:
    """Raise unless every part can be kept; the refusal names parts and never values.

    Raises: InvalidInput.
    """
    errors = [FieldError(f"/{part}", "invalid", told) for part, told in _refused(data)]
    if not data.stated:
        errors.append(FieldError("", "required", "Say who it is: no part is stated."))
    if errors:
        raise InvalidInput("Some parts of the identity are not valid.", errors=errors)


def sealed_row(row: UUID, data: PersonalData, at: datetime) -> tuple[dict[str, Any], IdentityKey]:
    """Return the column values of an identity that holds `data`, and the new keys that seal them.

    Raises: KeyMissing.
    """
    index = blind_index()
    key, rings = made_for(row, at)
    columns = {
        **{column: _seal(rings[KEY_OF[column]], row, column, data) for column in COLUMNS},
        "key_id": str(key.pk),
        **_digests_of(data, index),
    }
    return columns, key


def opened(identity: Identity) -> PersonalData:
    """Return what an identity's row holds. Raises: KeyMissing, SealBroken."""
    stated = {column: bytes(getattr(identity, column)) for column in stated_in(identity)}
    clear: dict[str, Any] = dict.fromkeys(COLUMNS)
    if stated:
        key = opener_of(identity)
        rings = {name: ring_of(key, name) for name in {KEY_OF[column] for column in stated}}
        for column, value in stated.items():
            place = Place(TABLE, column, identity.pk)
            clear[column] = json.loads(rings[KEY_OF[column]].open(value, place))
    birth_date = clear["birth_date"]
    return PersonalData(
        name=clear["name"],
        birth_date=None if birth_date is None else PartialDateTime.from_stored(birth_date),
        contact=MappingProxyType(clear["contact"] or {}),
        identifiers=MappingProxyType(clear["identifiers"] or {}),
    )


def stated_in(identity: Identity) -> list[str]:
    """Return the names of the parts that an identity's row holds; nothing is opened for it."""
    return [column for column in COLUMNS if getattr(identity, column) is not None]


def comparable_identifier(value: str) -> str:
    """Return an identifier as it is compared: separators are how it is written, not what it is."""
    return "".join(sign for sign in normalized(value) if sign not in " -./")


def _seal(ring: KeyRing, row: UUID, column: str, data: PersonalData) -> bytes | None:
    value = getattr(data, column)
    if not value:
        return None
    if isinstance(value, PartialDateTime):
        value = value.stored
    elif isinstance(value, Mapping):
        value = dict(value)
    return ring.seal(json.dumps(value, ensure_ascii=False).encode(), Place(TABLE, column, row))


def _digests_of(data: PersonalData, index: BlindIndex) -> dict[str, Any]:
    return {
        "name_index": _name_digest(index, data),
        "identifier_indexes": sorted(
            {
                index.digest(comparable_identifier(value), TABLE, "identifiers")
                for value in data.identifiers.values()
            }
        ),
        "index_key_id": index.key_id,
    }


def _name_digest(index: BlindIndex, data: PersonalData) -> bytes | None:
    return index.digest(normalized(data.name), TABLE, "name") if data.name else None


def _refused(data: PersonalData) -> Iterator[tuple[str, str]]:
    if data.name is not None and not _is_text(data.name):
        yield "name", "It is empty, too long or not text."
    if data.birth_date is not None and data.birth_date.zone is not None:
        yield "birth_date", "A date of birth has no time zone."
    for part in ("contact", "identifiers"):
        if len(getattr(data, part)) > _MOST_KINDS:
            yield part, "It has too many kinds."
        for kind, value in getattr(data, part).items():
            if not _is_text(kind) or not _is_text(value):
                yield part, "One of its kinds or values is empty, too long or not text."
                break
    if any(not comparable_identifier(value) for value in data.identifiers.values()):
        yield "identifiers", "One of its values has neither letters nor digits."


def _is_text(value: object) -> bool:
    """Whether it is stated, of a sensible length, and can be written as UTF-8."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        return False
    return "\x00" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
