"""Bring identities under the current keys, in batches, while the portal reads and writes.

An identity is sealed anew under new keys of its own; those of earlier writings, which history
needs, are wrapped anew. Afterwards nothing needs an older key of the ring.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from patients.models import Identity, IdentityKey
from patients.services.identity_keys import KEYS, wrapped_anew
from patients.services.personal_data import COLUMNS, opened, sealed_row, stated_in
from portal.audit.record import Action, record
from portal.core.errors import Unavailable
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.sealed import KeyMissing, blind_index, key_ring

BATCH = 200
_REASON = "keys rotated"
_COLUMNS = [*COLUMNS, "key_id", "name_index", "identifier_indexes", "index_key_id"]


@dataclass(slots=True)
class Rotation:
    """How far it is: rows under the current keys, rows that no key of the ring opens."""

    total: int
    done: int = 0
    refused: list[UUID] = field(default_factory=list)


def outdated() -> QuerySet[Identity]:
    """The identities that are not wholly under the current keys. Raises: KeyMissing."""
    wrapped = Q(person_key__isnull=False) | Q(contact_key__isnull=False)
    older = IdentityKey.objects.filter(wrapped, identity=OuterRef("pk")).exclude(
        key_id=key_ring().current
    )
    return Identity.objects.filter(Exists(older) | ~Q(index_key_id=blind_index().key_id))


def rotate_keys(
    *, batch: int = BATCH, by: UUID = SYSTEM_ACCOUNT, at: datetime, reason: str = _REASON
) -> Iterator[Rotation]:
    """Seal what is outdated under the current keys; yield after each batch is committed.

    Each batch is one transaction that commits rows, history and audit entry together: after a
    crash at any point the next run goes on with what is left. A row that somebody is changing is
    left to them and looked at again. A row that does not open stays as it is and is named in
    `refused`, and so is one of whose earlier writings that is true.
    Source: PV-07, ASVS 11.2.2. Locks: the rows of one batch. Raises: KeyMissing.
    """
    if not key_ring().current:
        raise KeyMissing()
    rotation = Rotation(total=outdated().count())
    after: UUID | None = None
    while True:
        with acting(by=by, at=at, reason=reason):
            rows = _locked(after, rotation.refused, batch)
            if rows:
                _seal_anew(rows, rotation, by, at)
        if rows:
            after = rows[-1].pk
            yield rotation
        elif after is not None:
            after = None  # once more from the beginning: some were locked, or written meanwhile
        elif not outdated().exclude(pk__in=rotation.refused).exists():
            return
        else:
            _wait_for_writers(rotation.refused)


def _locked(after: UUID | None, refused: list[UUID], batch: int) -> list[Identity]:
    rows = outdated().exclude(pk__in=refused)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    held = rows.select_for_update(skip_locked=True, of=("self",)).order_by("pk")
    return list(held.prefetch_related("keys")[:batch])


def _wait_for_writers(refused: list[UUID]) -> None:
    """Wait until the first of the rows that are left is free; `lock_timeout` bounds it."""
    with transaction.atomic():
        left = outdated().exclude(pk__in=refused).order_by("pk").values_list("pk", flat=True)
        first = left.first()
        if first is not None:
            Identity.objects.select_for_update().get(pk=first)


def _seal_anew(rows: list[Identity], rotation: Rotation, by: UUID, at: datetime) -> None:
    done: list[Identity] = []
    made: list[IdentityKey] = []
    kept: list[IdentityKey] = []
    for row in rows:
        try:
            columns, key = sealed_row(row.pk, opened(row), at)
        except Unavailable:
            rotation.refused.append(row.pk)
            continue
        earlier = list(_wrapped_anew(row))
        if len(earlier) < len(row.keys.all()):
            rotation.refused.append(row.pk)  # the present is safe, a part of its history is not
        for column, value in columns.items():
            setattr(row, column, value)
        done.append(row)
        kept += earlier
        made += [key] if stated_in(row) else []
    if done:
        IdentityKey.objects.bulk_update(kept, ["key_id", *KEYS])
        IdentityKey.objects.bulk_create(made)
        Identity.objects.bulk_update(done, _COLUMNS)
        rotation.done += len(done)
        record(
            Action.KEYS_ROTATED,
            by=by,
            at=at,
            resource="identity",
            detail={"key_id": key_ring().current, "rows": len(done)},
        )


def _wrapped_anew(row: Identity) -> Iterator[IdentityKey]:
    """Yield the keys of earlier writings that the ring still opens, under its current key."""
    for key in row.keys.all():
        with suppress(Unavailable):
            yield wrapped_anew(key)
