"""List filters that offer no more than the reader may see."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext

from portal.desk.words import spoken

CHOICES_SHOWN = 100


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a related row: only rows within the reader's scope are offered."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, str]]:
        """Return the first hundred related rows in scope."""
        remote = model_admin.admin_site.get_model_admin(field.remote_field.model)
        rows = remote.get_queryset(request).order_by(*remote.choice_ordering)[:CHOICES_SHOWN]
        return [(str(row.pk), remote.choice_label(row)) for row in rows]


class YesNoFilter(admin.BooleanFieldListFilter):
    """A filter by a computed yes or no, under the name of its column."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        self.title = gettext(field.name.removeprefix("is_").replace("_", " "))


class SpokenFilter(admin.AllValuesFieldListFilter):
    """A filter by the values that are there, in words; none is a dash."""

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Return the choices, each with something to read and to click on."""
        for choice in super().choices(changelist):
            shown = spoken(str(choice["display"]), self.field.name)
            yield {**choice, "display": shown or self.empty_value_display}


def scoped(name: str) -> tuple[str, Any]:
    """Return the `list_filter` entry of a foreign key, scoped."""
    return name, ScopedRelatedFilter
