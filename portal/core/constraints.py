"""Builders for check constraints whose names read as sentences."""

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, CheckConstraint, F, Func, Q


def both_or_neither(first: str, second: str, *, name: str) -> CheckConstraint:
    """Either both columns are set or none is."""
    return CheckConstraint(
        condition=Q(**{f"{first}__isnull": True, f"{second}__isnull": True})
        | Q(**{f"{first}__isnull": False, f"{second}__isnull": False}),
        name=name,
    )


def not_after(first: str, second: str, *, name: str) -> CheckConstraint:
    """`first` is not later than `second`, where both are known."""
    return CheckConstraint(
        condition=Q(**{f"{first}__isnull": True})
        | Q(**{f"{second}__isnull": True})
        | Q(**{f"{first}__lte": F(second)}),
        name=name,
    )


def one_of(
    field: str, values: Iterable[str | int], *, name: str, null: bool = False
) -> CheckConstraint:
    """The column holds a term of its codelist (or nothing, where `null`)."""
    condition = Q(**{f"{field}__in": list(values)})
    if null:
        condition |= Q(**{f"{field}__isnull": True})
    return CheckConstraint(condition=condition, name=name)


class SealedUnder(Func):
    """Whether a column is empty, or a sealed value of the key whose id another column names."""

    arity = 2
    output_field = BooleanField()

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Compare the head of the value (portal.core.sealed) with the key id."""
        column, key = (compiler.compile(part)[0] for part in self.source_expressions)
        head = f"convert_to(chr(1) || chr(length({key})) || {key}, 'UTF8')"
        length = f"octet_length({column}) >= 30 + length({key})"
        return f"(position({head} in {column}) = 1 AND {length})", []


def sealed_under(column: str, key: str, *, name: str) -> CheckConstraint:
    """The column holds nothing in clear: it is NULL or sealed under the key of the row."""
    return CheckConstraint(condition=SealedUnder(F(column), F(key)), name=name)
