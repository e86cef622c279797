"""Keyset pages: the same cost at any depth, in both directions, without a count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

MOST_PER_PAGE = 500
USUAL_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Ordering:
    """A total order of a list: by `field`, then by `tie`, which is unique.

    Rows without a value stand where PostgreSQL's indexes have them: first in a descending order,
    last in an ascending one.
    """

    field: str
    descending: bool = True
    nullable: bool = False
    tie: str = "id"

    def apply(self, queryset: QuerySet[Any], *, backwards: bool) -> QuerySet[Any]:
        """Return the rows in this order, or in its reverse."""
        sign = "-" if self.descending != backwards else ""
        return queryset.order_by(*dict.fromkeys([sign + self.field, sign + self.tie]))

    def beyond(self, value: Any, tie: Any, *, backwards: bool) -> Q:
        """Return the condition for the rows after the one with `value` and `tie` on the way."""
        descending = self.descending != backwards
        side = "lt" if descending else "gt"
        missing = Q(**{f"{self.field}__isnull": True})
        further_tie = Q(**{f"{self.tie}__{side}": tie})
        if value is None:
            return (missing & further_tie) | (~missing if descending else Q(pk__in=[]))
        # `<=` alone lets the index do the walking; the rest settles ties.
        further = Q(**{f"{self.field}__{side}e": value}) & (
            Q(**{f"{self.field}__{side}": value}) | further_tie
        )
        return further if descending or not self.nullable else further | missing


NEWEST_FIRST = Ordering("created_at")


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}` with signed cursors; `limit` 1 to 500."""

    parameters: ClassVar[frozenset[str]] = frozenset({"limit", "cursor", "ordering"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of a queryset, or of several whose columns agree.

        Raises: ValidationError.
        """
        self.request = request
        self.limit = _limit(request.query_params.get("limit"))
        self.name, self.ordering = _ordering(view, request.query_params.get("ordering"))
        position = self._position(request.query_params.get("cursor"))
        backwards = position is not None and position[0]
        found = self._found(queryset, position)
        more, page = len(found) > self.limit, found[: self.limit]
        if backwards:
            page.reverse()
        self.has_next = more if not backwards else position is not None
        self.has_previous = more if backwards else position is not None
        self.page: Sequence[Any] = page
        return page

    def _found(self, queryset: Any, position: tuple[bool, Any, Any] | None) -> list[Any]:
        """Return the rows of the page and one more, which says that there are more."""
        backwards = position is not None and position[0]
        parts = []
        for part in queryset if isinstance(queryset, tuple) else (queryset,):
            if position is not None:
                part = part.filter(self.ordering.beyond(*position[1:], backwards=backwards))
            parts.append(self.ordering.apply(part, backwards=backwards)[: self.limit + 1])
        first, *rest = parts
        if not rest:
            return list(first)
        united = self.ordering.apply(first.union(*rest, all=True), backwards=backwards)
        return list(united[: self.limit + 1])

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the addresses of its neighbors."""
        return Response({"next": self._link(-1), "previous": self._link(0), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link,
                "previous": link,
                "results": {**schema, "maxItems": MOST_PER_PAGE},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters."""
        names = sorted(view.orderings)
        return [
            _parameter(
                "limit",
                "How many records a page holds.",
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_PER_PAGE,
                    "default": USUAL_PER_PAGE,
                },
            ),
            _parameter(
                "cursor",
                "Where the page begins; taken from `next` or `previous`.",
                {"type": "string"},
            ),
            _parameter(
                "ordering",
                "The order of the list.",
                {"type": "string", "enum": names, "default": view.default_ordering},
            ),
        ]

    def _link(self, index: int) -> str | None:
        forwards = index == -1
        wanted = self.has_next if forwards else self.has_previous
        if not wanted or not self.page:
            return None
        row = self.page[index]
        cursor = _signer().sign_object(
            [
                self.name,
                not forwards,
                _written(_value(row, self.ordering.field)),
                _written(_value(row, self.ordering.tie)),
            ]
        )
        return str(replace_query_param(self.request.build_absolute_uri(), "cursor", cursor))

    def _position(self, cursor: str | None) -> tuple[bool, Any, Any] | None:
        """Read a cursor of ours for this ordering. Raises: ValidationError."""
        if cursor is None:
            return None
        try:
            name, backwards, value, tie = _signer().unsign_object(cursor)
        except (BadSignature, ValueError):
            raise _refusal("cursor", "invalid_cursor", _("This is not a cursor of ours.")) from None
        if name != self.name:
            raise _refusal("cursor", "invalid_cursor", _("The cursor belongs to another order."))
        return bool(backwards), _read(value), _read(tie)


def _signer() -> Signer:
    return Signer(salt="portal.api.cursor")


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_PER_PAGE
    if text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MOST_PER_PAGE:
        return int(text)
    raise _refusal("limit", "out_of_range", _("The limit is a number from 1 to 500."))


def _ordering(view: Any, name: str | None) -> tuple[str, Ordering]:
    chosen = view.default_ordering if name is None else name
    if chosen not in view.orderings:
        raise _refusal("ordering", "unknown_ordering", _("The list has no such order."))
    return chosen, view.orderings[chosen]


def _refusal(parameter: str, code: str, detail: str) -> ValidationError:
    return ValidationError({parameter: [detail]}, code=code)


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _value(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _written(value: Any) -> Any:
    """Return a value as JSON that says its type."""
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    return {"id": str(value)} if isinstance(value, UUID) else value


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return datetime.fromisoformat(value["at"]) if "at" in value else UUID(value["id"])
