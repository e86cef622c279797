"""Read seals and their parts, without the weight of model instances."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from portal.audit.chain import Link, Part
from portal.audit.models import Seal, SealPart


def links(*, after: int = 0) -> Iterator[Link]:
    """Yield the seals with a number above `after`, in order."""
    columns = list(Link.__dataclass_fields__)
    rows = Seal.objects.filter(number__gt=after).order_by("number").values_list(*columns)
    for row in rows.iterator(chunk_size=2000):
        yield Link(*_plain(row))


def parts_of_seals(first: int, last: int) -> dict[int, list[Part]]:
    """Return the parts of the seals in [first, last], by seal."""
    found: dict[int, list[Part]] = {}
    for part in _parts(SealPart.objects.filter(seal_id__gte=first, seal_id__lte=last)):
        found.setdefault(part.seal, []).append(part)
    return found


def parts_of(table: str, layout: bytes, after: int, upto: int) -> dict[int, Part]:
    """Return the parts of one table and layout under the seals in (after, upto], by id."""
    rows = SealPart.objects.filter(table_name=table, layout=layout)
    return {part.id: part for part in _parts(rows.filter(seal_id__gt=after, seal_id__lte=upto))}


def _parts(rows: QuerySet[SealPart]) -> Iterator[Part]:
    columns = ("id", "seal_id", "table_name", "layout", "after_id", "upto_id", "row_count",
               "digest", "marks")  # fmt: skip
    for row in rows.values_list(*columns).iterator(chunk_size=2000):
        yield Part(*_plain(row))


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


def sealed_tables() -> dict[str, list[str]]:
    """Return the columns of each table whose rows are sealed, by its name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name, columns FROM audit.sealed_tables()")
        return dict(cursor.fetchall())
