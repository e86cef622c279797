"""Every row of the trail that somebody may read: acts, and changes of every tracked record.

New tracked tables join by themselves. A row is told to those who may read both the trail and the
kind of record; what is protected to the unblinded alone; sealed values to nobody.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.models import BinaryField, Model, QuerySet

from portal.access.permissions import Permission
from portal.access.scoping import may, scope, visible
from portal.access.trail import PROTECTED, resource_of, visible_entries
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.core.history import TRACKED
from portal.core.models import SCHEMA_OF
from portal.patience import patient

COLUMNS = (
    "table", "sequence", "at", "operation", "record", "by", "role", "organization", "reason",
    "source", "request_id", "transaction", "values",
)  # fmt: skip
SEALED = "[sealed]"
_AT_ONCE = 2000
# A little more than the five minutes that the server gives each statement.
_PATIENCE_SECONDS = 310.0
_SECRET = frozenset({"jti_digest", "used_by_client"})
_KNOWN = {permission.value: permission for permission in Permission}


def trail_rows(user: User) -> Iterator[dict[str, Any]]:
    """Yield the rows, table by table, each in the order of the trail, as of one instant.

    In constant memory; the transaction stays open until the last row or until it is closed.
    """
    is_nested = connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not is_nested:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = '5min'")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
        with patient(connection.connection, _PATIENCE_SECONDS):
            yield from _acts(user)
            for model in sorted(TRACKED, key=lambda model: model._meta.db_table):
                rows = _changes_in_scope(model, user)
                if rows is not None:
                    with _door(model):
                        yield from _changes(model, rows)


def is_unblinding_to(user: User) -> bool:
    """Whether the rows for `user` include protected ones."""
    return not scope(user, Permission.ALLOCATION_VIEW).is_empty


def required(model: type[Model]) -> Permission | None:
    """Return what one must hold to be told of a kind of record, besides reading the trail."""
    schema = SCHEMA_OF.get(model._meta.label)
    if schema == PROTECTED:
        return Permission.ALLOCATION_VIEW
    if schema == "identity":
        return Permission.IDENTITY_VIEW
    paths = getattr(model, "access_paths", None)
    if paths is None:
        return None  # accounts and the like: for those who read the trail everywhere
    own = _KNOWN.get(f"{resource_of(model)}:view")
    return own or (Permission.PATIENT_VIEW if paths.patient else Permission.TRIAL_VIEW)


def _changes_in_scope(model: type[Model], user: User) -> QuerySet[Any] | None:
    table: QuerySet[Any] = TRACKED[model]._default_manager.all()
    needed = required(model)
    reads = scope(user, Permission.AUDIT_ENTRY_VIEW)
    if needed is None:
        return table if reads.everywhere else None
    if reads.is_empty or not may(user, needed):
        return None
    if reads.everywhere and scope(user, needed).everywhere:
        return table
    records = visible(model._base_manager.all(), user, Permission.AUDIT_ENTRY_VIEW)
    return table.filter(pgh_obj_id__in=visible(records, user, needed).values("pk"))


def _door(model: type[Model]) -> AbstractContextManager[None]:
    return unblinded() if SCHEMA_OF.get(model._meta.label) == PROTECTED else nullcontext()


def _acts(user: User) -> Iterator[dict[str, Any]]:
    for row in visible_entries(user).order_by("id").iterator(chunk_size=_AT_ONCE):
        yield {
            "table": "audit_entry",
            "sequence": row.pk,
            "at": row.at,
            "operation": row.action,
            "record": row.record_id,
            "by": row.acted_by,
            "role": row.acted_role,
            "organization": row.acted_organization,
            "reason": "",
            "source": row.acted_source,
            "request_id": row.acted_request_id,
            "transaction": row.transaction_id,
            "values": {
                "resource": row.resource,
                "trial": row.trial_id,
                "site": row.site_id,
                "patient": row.patient_id,
                "detail": row.detail,
            },
        }


def _changes(model: type[Model], rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    name = resource_of(model)
    told = [
        (field.name, field.attname, _is_sealed(field))
        for field in rows.model._meta.concrete_fields
        if not field.name.startswith(("pgh_", "acted_"))
        and field.name != "transaction_id"
        and field.name not in _SECRET
    ]
    for row in rows.order_by("pgh_id").iterator(chunk_size=_AT_ONCE):
        yield {
            "table": name,
            "sequence": row.pgh_id,
            "at": row.pgh_created_at,
            "operation": row.pgh_label,
            "record": row.pgh_obj_id,
            "by": row.acted_by,
            "role": row.acted_role,
            "organization": row.acted_organization,
            "reason": row.acted_reason,
            "source": row.acted_source,
            "request_id": row.acted_request_id,
            "transaction": row.transaction_id,
            "values": {
                field: _plain(getattr(row, column), is_sealed) for field, column, is_sealed in told
            },
        }


def _is_sealed(field: Any) -> bool:
    inner = field.base_field if isinstance(field, ArrayField) else field
    return isinstance(inner, BinaryField)


def _plain(value: Any, is_sealed: bool) -> Any:
    if is_sealed:
        return SEALED if value else None
    return getattr(value, "stored", value)
