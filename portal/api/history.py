"""A record's history as the API tells it: each change with its old and new values."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import BinaryField, Model, QuerySet

from portal.accounts.models import User
from portal.core.partial_dates import PartialDateTime

_BOOKKEEPING = ("pgh_", "acted_")
_NOT_TOLD = frozenset({"transaction_id", "version", "source_record"})


def told(
    page: Sequence[Any], rows: QuerySet[Any], *, only: str | None = None
) -> list[dict[str, Any]]:
    """Return the entries of a page of history rows, newest first; `rows` is the whole history.

    `only` is the column of the one value that the rows are the history of.
    """
    if not page:
        return []
    before = rows.filter(pgh_id__lt=page[-1].pgh_id).order_by("-pgh_id").first()
    names = _names({row.acted_by for row in page})
    return [
        _entry(row, older, names, only)
        for row, older in zip(page, [*page[1:], before], strict=True)
    ]


def told_fields(table: type[Model]) -> dict[str, str]:
    """Return the fields of a record that its history tells, each with its column."""
    return {
        field.name: field.attname
        for field in table._meta.concrete_fields
        if field.name not in _NOT_TOLD
        and not field.name.startswith(_BOOKKEEPING)
        and not isinstance(field, BinaryField)
    }


def _names(people: Iterable[Any]) -> dict[Any, str]:
    found = User.objects.filter(pk__in=people).only("id", "username", "display_name")
    return {person.pk: person.get_full_name() for person in found}


def _entry(row: Any, older: Any | None, names: dict[Any, str], only: str | None) -> dict[str, Any]:
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
        "changes": list(_changes(row, older, only)),
    }


def _changes(row: Any, older: Any | None, only: str | None) -> Iterable[dict[str, Any]]:
    for name, column in told_fields(type(row)).items():
        if only is not None and column != only:
            continue
        new = _plain(getattr(row, column))
        old = None if older is None else _plain(getattr(older, column))
        if new != old:
            yield {"field": name, "old": old, "new": new}


def _plain(value: Any) -> Any:
    if isinstance(value, PartialDateTime):
        return value.text
    return None if value == "" else value
