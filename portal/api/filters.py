"""Filters of lists: declared ones only, each value strictly of its kind."""

import re
from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Collate, Left
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from portal.core.partial_dates import NotADate, PartialDateTime

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class StrictFilterBackend(DjangoFilterBackend):
    """Applies a view's `filterset_class`; the view refuses parameters that it does not declare.

    A form is made of the filters that were asked for and no others: making all of them costs more
    than a page.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        """Return the rows that the parameters ask for. Raises: ValidationError."""
        declared = getattr(view, "filterset_class", None)
        if declared is None or declared.base_filters.keys().isdisjoint(request.query_params):
            return queryset
        return super().filter_queryset(request, queryset, view)

    def get_filterset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        """Return the view's filters that the parameters name."""
        filterset = super().get_filterset(request, queryset, view)
        if filterset is not None:
            for name in filterset.filters.keys() - request.query_params.keys():
                del filterset.filters[name]
        return filterset


class _UUIDFormField(forms.Field):
    def to_python(self, value: Any) -> UUID | None:
        if value in self.empty_values:
            return None
        if not _UUID.fullmatch(value):
            raise ValidationError(_("This is not a UUID."), code="invalid")
        return UUID(value)


@extend_schema_field(OpenApiTypes.UUID)
class ReferenceFilter(django_filters.Filter):
    """Rows that refer to an id. An id out of scope gives no rows, like one that never existed."""

    field_class = _UUIDFormField


@extend_schema_field({"type": "string", "enum": ["true", "false"]})
class BooleanFilter(django_filters.ChoiceFilter):
    """true or false, spelled like that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("choices", [("true", "true"), ("false", "false")])
        super().__init__(*args, **kwargs)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Return the rows where it holds, or does not."""
        return super().filter(qs, value if value in (None, "") else value == "true")


@extend_schema_field({"type": "string", "maxLength": 200})
class SearchFilter(django_filters.CharFilter):
    """Rows where one of `fields` contains the text, whatever its case."""

    def __init__(self, *args: Any, fields: tuple[str, ...], **kwargs: Any) -> None:
        self.fields = fields
        super().__init__(*args, max_length=200, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows that contain the text."""
        if not value:
            return qs
        condition = Q()
        for field in self.fields:
            condition |= Q(**{f"{field}__icontains": value})
        return qs.filter(condition)


class _PartialDateFormField(forms.Field):
    def to_python(self, value: Any) -> PartialDateTime | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            date = PartialDateTime(text)
        except NotADate as error:
            raise ValidationError(error.detail, code=error.code) from None
        if date.earliest is None or not text.isascii():
            raise ValidationError(_("The date needs its year."), code="invalid_date")
        return date


@extend_schema_field({"$ref": "#/components/schemas/PartialDateTime"})
class _BoundFilter(django_filters.Filter):
    """Compares clinical dates; the row's earliest instant counts.

    A bound without an offset means the calendar of each row's own place, so it is compared with
    the date as written; the instants only let the index narrow the search.
    """

    field_class = _PartialDateFormField

    def __init__(self, *args: Any, date: str, earliest: str, **kwargs: Any) -> None:
        self.date, self.earliest = date, earliest
        super().__init__(*args, **kwargs)

    def _written(self, qs: QuerySet[Any], bound: PartialDateTime, lookup: str) -> QuerySet[Any]:
        written = Collate(Left(self.date, len(bound.text)), "C")
        alias = f"written_{lookup}"
        return qs.alias(**{alias: written}).filter(**{f"{alias}__{lookup}": bound.text})


class SinceFilter(_BoundFilter):
    """Rows dated at or after the bound."""

    def filter(self, qs: QuerySet[Any], value: PartialDateTime | None) -> QuerySet[Any]:
        """Return the rows."""
        if value is None:
            return qs
        qs = qs.filter(**{f"{self.earliest}__gte": value.earliest})
        return qs if value.parts["offset"] else self._written(qs, value, "gte")


class UntilFilter(_BoundFilter):
    """Rows dated at or before the bound; a bound that is a day includes the whole day."""

    def filter(self, qs: QuerySet[Any], value: PartialDateTime | None) -> QuerySet[Any]:
        """Return the rows."""
        if value is None:
            return qs
        qs = qs.filter(**{f"{self.earliest}__lte": value.latest})
        return qs if value.parts["offset"] else self._written(qs, value, "lte")
