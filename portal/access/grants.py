"""The only writer of guardian rows: an index of assignments, rebuilt from them (ADR 0005)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission as AuthPermission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model

from portal.access.models import ANCHORS, EVERYWHERE, PortalUserPermission
from portal.access.permissions import Permission


@dataclass(frozen=True, slots=True)
class Grant:
    """`user` holds `permissions` on an anchor from `valid_from` until `valid_until` (None: open).

    `anchor` is portal, trial, site or patient; `anchor_id` is None for portal.
    """

    user: UUID
    permissions: frozenset[Permission]
    anchor: str
    anchor_id: UUID | None
    valid_from: datetime
    valid_until: datetime | None = None


People = frozenset[UUID] | None
Source = Callable[[People, datetime], Iterable[Grant]]
_SOURCES: list[Source] = []
# (user, permission, anchor id) -> (valid from, valid until)
_Key = tuple[UUID, int, UUID | None]
_Span = tuple[datetime, datetime | None]
# One rebuild at a time; two would each undo the other's half-seen truth.
_REBUILD_LOCK = 0x5AFE_0001


def source(function: Source) -> Source:
    """Register where grants come from; it yields the grants of `people` (None: all) from now on."""
    _SOURCES.append(function)
    return function


def sync(*, at: datetime, people: Iterable[UUID] | None = None) -> int:
    """Make the index equal to the truth as of `at` and return how many rows changed.

    `people` limits it to those concerned. A grant that begins later is in the index
    already and takes effect by itself; where two give the same right, the one in force stands,
    then the longer one.
    Locks: an advisory lock, until the transaction ends.
    """
    whom = None if people is None else frozenset(people)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_REBUILD_LOCK])
        return rebuild((grant for read in _SOURCES for grant in read(whom, at)), whom, at)


def rebuild(grants: Iterable[Grant], people: People, at: datetime) -> int:
    """Make the index rows of `people` (None: of everybody) equal to `grants`."""
    wanted: dict[str, dict[_Key, _Span]] = {name: {} for name in (EVERYWHERE, *ANCHORS)}
    permissions = {name: _permission_ids(name) for name in wanted}
    for grant in grants:
        span = (grant.valid_from, grant.valid_until)
        for permission in grant.permissions:
            key = (grant.user, permissions[grant.anchor][permission.value], grant.anchor_id)
            spans = wanted[grant.anchor]
            spans[key] = _better(spans[key], span, at) if key in spans else span
    return sum(_rebuild_table(name, spans, people) for name, spans in wanted.items())


def ensure_permissions(models: Iterable[type[Model]]) -> None:
    """Make the auth rows that guardian's foreign keys point to; runs with `migrate`."""
    for model in models:
        content_type = ContentType.objects.get_for_model(model)
        AuthPermission.objects.bulk_create(
            [
                AuthPermission(content_type=content_type, codename=p.value, name=p.value)
                for p in Permission
            ],
            ignore_conflicts=True,
        )


def _better(first: _Span, second: _Span, at: datetime) -> _Span:
    """Return the span in force at `at`; of two such, the one that lasts longer."""
    forever = (1, at)

    def rank(span: _Span) -> tuple[bool, tuple[int, datetime]]:
        begins, ends = span
        return begins <= at, forever if ends is None else (0, ends)

    return max(first, second, key=rank)


def _rebuild_table(name: str, wanted: dict[_Key, _Span], people: People) -> int:
    table: Any = PortalUserPermission if name == EVERYWHERE else ANCHORS[name]
    rows = table._default_manager.all()
    if people is not None:
        rows = rows.filter(user__in=people)
    columns = ["pk", "user_id", "permission_id", "valid_from", "valid_until"]
    if name != EVERYWHERE:
        columns.append("content_object_id")
    present: dict[_Key, tuple[_Span, int]] = {}
    for pk, user, permission, begins, ends, *anchor in rows.values_list(*columns):
        present[user, permission, anchor[0] if anchor else None] = ((begins, ends), pk)
    stale = [pk for key, (span, pk) in present.items() if wanted.get(key) != span]
    missing = [
        (*key, *span) for key, span in wanted.items() if present.get(key, (None, 0))[0] != span
    ]
    table._default_manager.filter(pk__in=stale).delete()
    _insert(table, name, missing)
    return len(stale) + len(missing)


def _insert(table: Any, name: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert (user, permission, anchor, from, until) rows in one statement: thousands at a time."""
    if not rows:
        return
    anchor = "" if name == EVERYWHERE else ", content_object_id"
    users, permissions, anchors, begins, ends = (list(column) for column in zip(*rows, strict=True))
    types = ["uuid", "int", "timestamptz", "timestamptz", *(["uuid"] if anchor else [])]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table._meta.db_table} "  # noqa: S608 - names of our own tables
            f"(user_id, permission_id, valid_from, valid_until{anchor}) "
            f"SELECT * FROM unnest({arrays})",
            [users, permissions, begins, ends, *([anchors] if anchor else [])],
        )


def _permission_ids(name: str) -> dict[str, int]:
    """Permission value -> key of its auth row for the anchor (the portal's hang on the trial)."""
    table: Any = ANCHORS["trial" if name == EVERYWHERE else name]
    model: Any = table._meta.get_field("content_object").related_model
    content_type = ContentType.objects.get_for_model(model)
    return dict(
        AuthPermission.objects.filter(content_type=content_type).values_list("codename", "pk")
    )
