"""A record's history as the API tells it: each change with its old and new values."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from portal.accounts.models import User
from portal.core.partial_dates import PartialDateTime

_BOOKKEEPING = ("pgh_", "acted_")
_NOT_TOLD = frozenset({"transaction_id", "version", "source_record"})


def told(page: Sequence[Any], rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """Return the entries of a page of history rows, newest first; `rows` is the whole history."""
    if not page:
        return []
    before = rows.filter(pgh_id__lt=page[-1].pgh_id).order_by("-pgh_id").first()
    names = _names({row.acted_by for row in page})
    return [_entry(row, older, names) for row, older in zip(page, [*page[1:], before], strict=True)]


def _names(people: Iterable[Any]) -> dict[Any, str]:
    found = User.objects.filter(pk__in=people).only("id", "username", "display_name")
    return {person.pk: person.get_full_name() for person in found}


def _entry(row: Any, older: Any | None, names: dict[Any, str]) -> dict[str, Any]:
    return {
        "sequence": row.pgh_id,
        "kind": row.pgh_label,
        "version": row.version,
        "changed_at": row.pgh_created_at,
        "by": {"id": row.acted_by, "display_name": names.get(row.acted_by, "")},
        "role": row.acted_role,
        "organization": row.acted_organization,
        "reason": row.acted_reason,
        "source": row.acted_source,
        "request_id": row.acted_request_id,
        "changes": list(_changes(row, older)),
    }


def _changes(row: Any, older: Any | None) -> Iterable[dict[str, Any]]:
    for field in row._meta.fields:
        if field.name in _NOT_TOLD or field.name.startswith(_BOOKKEEPING):
            continue
        new = _plain(getattr(row, field.attname))
        old = None if older is None else _plain(getattr(older, field.attname))
        if new != old:
            yield {"field": field.name, "old": old, "new": new}


def _plain(value: Any) -> Any:
    if isinstance(value, PartialDateTime):
        return value.text
    return None if value == "" else value
