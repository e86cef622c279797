"""The admin of a record whose list needs nothing special, derived from its fields.

Hand-written classes exist where a list is worked with all day; the others follow one pattern: whose
record it is, what it says in codes and dates, filters by code, trial and site.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission
from portal.core.fields import PartialDateTimeField
from portal.desk.base import ClinicalAdmin, ScopedModelAdmin
from portal.desk.columns import clinical_date
from portal.desk.filters import scoped
from portal.desk.groups import Group

_PLACES = ("patient", "site", "trial")
_MOST_COLUMNS = 8
_LONGEST_TEXT = 200


def derived(
    model: type[models.Model],
    permission: Permission,
    group: Group,
    *,
    base: type[ScopedModelAdmin] = ClinicalAdmin,
    **overrides: Any,
) -> type[ScopedModelAdmin]:
    """Return an admin class for `model`; `overrides` are attributes of the class."""
    by_name = {f.name: f for f in model._meta.concrete_fields}
    places = [name for name in _PLACES if name in by_name]
    said = [f for f in by_name.values() if _is_told(f)]
    dates = {
        f"{f.name}_as_given": clinical_date(
            f.name,
            title=f.verbose_name,
            ordering=f"{f.name}_earliest" if f"{f.name}_earliest" in by_name else f.name,
        )
        for f in said
        if isinstance(f, PartialDateTimeField)
    }
    columns = [_column(f) for f in said]
    stamp = ["created_at"] if "created_at" in by_name else []
    attributes: dict[str, Any] = {
        "view_permission": permission,
        "group": group,
        "list_display": [*columns[:1], *places, *columns[1 : _MOST_COLUMNS - len(places)], *stamp],
        "list_filter": [
            *(f.name for f in said if f.choices or isinstance(f, models.BooleanField)),
            *(scoped(name) for name in ("trial", "site") if name in by_name),
        ],
        "list_select_related": [
            *places,
            *(f.name for f in said if f.is_relation and f.name not in places),
        ],
        "search_fields": ["^patient__subject_number"] if "patient" in by_name else [],
        "search_help_text": _("Subject number") if "patient" in by_name else None,
        "ordering": ("-created_at", "-pk") if stamp else ("-pk",),
        "searched_date": next((f.name for f in said if isinstance(f, PartialDateTimeField)), None),
        **dates,
        **overrides,
    }
    return type(f"{model.__name__}Admin", (base,), {**attributes, "__module__": base.__module__})


def _column(field: Any) -> str:
    if isinstance(field, PartialDateTimeField):
        return f"{field.name}_as_given"
    if field.is_relation:
        return f"{field.name}_named"
    return f"{field.name}_mark" if isinstance(field, models.BooleanField) else str(field.name)


def _is_told(field: Any) -> bool:
    """Whether a list tells the field: short, about the record, not about its place or entry."""
    if field.name in _PLACES or field.primary_key or not field.editable:
        return False
    if field.name in ("protocol_version", "entered_at", "entry_source", "is_after_lock"):
        return False
    if isinstance(field, models.JSONField | models.TextField | models.BinaryField):
        return False
    # A key says nothing in a list, but for that of a record, which is told as a link to it.
    if isinstance(field, models.UUIDField) and field.name != "record_id":
        return False
    return not (field.max_length and field.max_length > _LONGEST_TEXT)
