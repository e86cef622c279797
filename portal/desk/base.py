"""Base classes of the desk's lists and forms: scoped like the API, never a way around it."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied
from django.db.models import (
    BooleanField,
    CharField,
    ForeignKey,
    JSONField,
    Model,
    QuerySet,
    TextField,
    UUIDField,
)
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import localize
from django.utils.text import capfirst
from django.utils.timezone import template_localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.access.permissions import Permission
from portal.access.scoping import may, scope, visible
from portal.core.fields import PartialDateTimeField
from portal.core.history import TRACKED
from portal.desk import history
from portal.desk.columns import (
    NOTHING,
    exactly,
    facts,
    in_code,
    in_words,
    key,
    named,
    place_link,
    record_link,
    related,
)
from portal.desk.filters import SpokenFilter
from portal.desk.groups import Group
from portal.desk.layout import fieldsets_of, title_of
from portal.desk.lists import DeskList
from portal.desk.paging import BoundedPaginator
from portal.desk.words import CODES, PLACES

_LOOKUPS = frozenset(
    {"exact", "id__exact", "isnull", "gte", "gt", "lte", "lt", "year", "month", "day"}
)
_PARTS_OF_A_DATE = ("year", "month", "day")
_LONGEST_VALUE = 200
_LONGEST_SEARCH = 100
_DATE = re.compile(r"\d{4}(-\d{2}){0,2}")


class PlainForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose labels begin with a capital, as Django's own do, and end without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label = capfirst(field.label) if field.label else field.label


def _field_of(offered: Any) -> str:
    """Return the field of an entry of `list_filter`."""
    return str(offered if isinstance(offered, str) else offered[0])


class ScopedModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows within the reader's scope; what is outside does not exist."""

    view_permission: ClassVar[Permission]
    change_permission: ClassVar[Permission | None] = None
    add_permission: ClassVar[Permission | None] = None
    group: ClassVar[Group]
    empty_sentence: ClassVar[Any] = gettext_lazy(
        "Nothing is recorded here yet for the trials and sites assigned to you."
    )
    choice_ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    # A partial date that the search box finds by its beginning (2013-05).
    searched_date: ClassVar[str | None] = None
    # Columns that no page shows.
    hidden: ClassVar[tuple[str, ...]] = ()
    # Columns that hold a code without a list of choices, besides those of every record.
    codes: ClassVar[tuple[str, ...]] = ()
    # Codes that are shown as they are stored, because people search for them.
    codes_as_stored: ClassVar[tuple[str, ...]] = ()
    # Lookups that other pages link to, besides the filters that are offered.
    linked_lookups: ClassVar[tuple[str, ...]] = ("patient",)

    # Lists that are worked with every day: told first, and linked from the patient.
    is_everyday: ClassVar[bool] = False

    form = PlainForm
    ordering = ("-created_at", "-id")
    list_per_page = 50
    list_max_show_all = 100
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None
    view_on_site = False
    save_on_top = False

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        for field in model._meta.concrete_fields:
            if isinstance(field, PartialDateTimeField):
                setattr(self, f"{field.name}_exact", exactly(field))
            elif isinstance(field, JSONField | ArrayField):
                setattr(self, f"{field.name}_facts", facts(field))
            elif isinstance(field, ForeignKey):
                setattr(self, f"{field.name}_link", related(self, field))
                setattr(self, f"{field.name}_named", named(field))
            elif isinstance(field, UUIDField) and field.name in PLACES:
                setattr(self, f"{field.name}_mark", place_link(self, field))
            elif isinstance(field, UUIDField):
                setattr(self, f"{field.name}_key", key(field))
            elif self.is_code(field) and not hasattr(self, f"{field.name}_text"):
                setattr(self, f"{field.name}_text", in_code(field))
            elif isinstance(field, BooleanField) and not hasattr(self, f"{field.name}_mark"):
                setattr(self, f"{field.name}_mark", in_words(field))

        if any(field.name == "record_id" for field in model._meta.concrete_fields):
            self.record_id_mark = record_link(self)

    def is_code(self, field: Any) -> bool:
        """Whether a field holds a code without a list of choices, to be told in words."""
        named = field.name in CODES.union(self.codes).difference(self.codes_as_stored)
        return named and isinstance(field, CharField | TextField) and not field.choices

    # --- who may --------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the reader holds the view permission, here or anywhere."""
        return self._holds(request, self.view_permission, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the reader may change it through its service."""
        return self._holds(request, self.change_permission, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the reader may add one through its service."""
        return self._holds(request, self.add_permission, None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is ever deleted."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the reader may open the list."""
        return self.has_view_permission(request)

    def _holds(self, request: HttpRequest, permission: Permission | None, obj: Any) -> bool:
        user: Any = request.user
        if permission is None:
            return False
        if not hasattr(self.model, "access_paths"):
            return scope(user, permission).everywhere
        return may(user, permission, obj)

    # --- what is there ---------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows in scope."""
        user: Any = request.user
        rows: QuerySet[Any] = self.model._base_manager.all()
        if not hasattr(self.model, "access_paths"):
            rows = rows if scope(user, self.view_permission).everywhere else rows.none()
        else:
            rows = visible(rows, user, self.view_permission)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what the record says, then how it came here."""
        return fieldsets_of(self, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nothing is typed here."""
        return [name for _, options in fieldsets_of(self, obj) for name in options["fields"]]

    # What every table has, in words that are translated: their columns have no names of their own.
    @admin.display(description=gettext_lazy("created"), ordering="created_at")
    def created_at_stamp(self, row: Any) -> Any:
        """Say when the row was made."""
        return localize(template_localtime(row.created_at))

    @admin.display(description=gettext_lazy("version"))
    def version_stamp(self, row: Any) -> Any:
        """Say how often the row was written."""
        return row.version

    @admin.display(description=gettext_lazy("Source"))
    def provenance(self, row: Any) -> str:
        """Say in which file and row an imported record stands."""
        record = row.source_record
        return f"{record.file.name}, row {record.row_number}" if record else NOTHING

    def _get_obj_does_not_exist_redirect(self, request: Any, opts: Any, object_id: str) -> Any:
        # Django redirects with a message that repeats the id; here what is absent is absent.
        raise Http404

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow the declared filters and nothing else, with values that the database can read."""
        offered: Any = self.list_filter or ()
        declared = [getattr(f, "parameter_name", None) or _field_of(f) for f in offered]
        declared += [self.date_hierarchy] if self.date_hierarchy else []
        declared += self.linked_lookups
        text = str(value)
        if "\x00" in text or len(text) > _LONGEST_VALUE:
            return False
        for name in map(str, declared):
            rest = lookup.removeprefix(name).removeprefix("__")
            if lookup == name:
                return True
            if lookup.startswith(f"{name}__") and rest in _LOOKUPS:
                return rest not in _PARTS_OF_A_DATE or (text.isdecimal() and len(text) <= 4)
        return False

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Allow references by primary key only."""
        return to_field == self.opts.pk.name

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search the declared columns, or a date's beginning, with at most a hundred characters."""
        term = search_term.strip()[:_LONGEST_SEARCH]
        if self.searched_date and _DATE.fullmatch(term):
            text = Cast(self.searched_date, TextField())
            return queryset.alias(date_text=text).filter(date_text__startswith=term), False
        return super().get_search_results(request, queryset, term)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Say codes in words, link a record that is named by type and id, and cut other keys."""
        spoken = {f.name: f"{f.name}_text" for f in self.opts.concrete_fields if self.is_code(f)}
        spoken |= {
            f.name: f"{f.name}_key"
            for f in self.opts.concrete_fields
            if isinstance(f, UUIDField) and f.name not in PLACES
        }
        spoken |= {"record_id": "record_id_mark", "created_at": "created_at_stamp"}
        # A reference without words of its own is called by its name, in the catalog's words.
        spoken |= {
            f.name: f"{f.name}_named"
            for f in self.opts.concrete_fields
            if isinstance(f, ForeignKey) and isinstance(f.verbose_name, str)
        }
        return [spoken.get(str(name), name) for name in super().get_list_display(request)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer the values of a text column in words."""
        texts = {
            f.name
            for f in self.opts.concrete_fields
            if isinstance(f, CharField | TextField) and not f.choices
        }
        offered = super().get_list_filter(request)
        return [(one, SpokenFilter) if one in texts else one for one in offered]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DeskList]:
        """Return the list that tells its filters in words."""
        return DeskList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list."""
        context = {
            "title": str(self.opts.verbose_name_plural).capitalize(),
            "empty_sentence": self.empty_sentence,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: Any, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show one record under its own name."""
        if obj is not None:
            context["title"], context["subtitle"] = self.title_of(obj)
            context["has_history"] = type(obj) in TRACKED and self.may_see_history(request, obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def title_of(self, record: Model) -> tuple[str, str]:
        """Return a record's name and, under it, what it is and whose."""
        return title_of(record)

    def choice_label(self, record: Any) -> str:
        """Return how a row is called where it is one choice among many."""
        return str(record)

    # --- what happened ----------------------------------------------------------------------

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show what the triggers wrote: who, in which role, when, why, old and new."""
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        if not self.may_see_history(request, record):
            raise PermissionDenied
        before = request.GET.get("before", "")
        bounded = int(before) if before.isdecimal() and len(before) <= 18 else None
        made, older = history.entries(request, self.admin_site, record, before=bounded)
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        name, below = self.title_of(record)
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %s") % name,
            "subtitle": below,
            "object": record,
            "record_name": name,
            "opts": self.opts,
            "entries": made,
            "older_url": f"?before={older}" if older is not None else "",
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def may_see_history(self, request: HttpRequest, record: Model) -> bool:
        """Whether the reader may see the record's history."""
        return self._holds(request, Permission.AUDIT_ENTRY_VIEW, record) or (
            self.has_change_permission(request, record)
        )

    def log_addition(self, *args: Any, **kwargs: Any) -> None:
        """Write no LogEntry: the history is the database's."""

    def log_change(self, *args: Any, **kwargs: Any) -> None:
        """Write no LogEntry: the history is the database's."""

    def log_deletions(self, *args: Any, **kwargs: Any) -> None:
        """Write no LogEntry: nothing is deleted."""


class ClinicalAdmin(ScopedModelAdmin):
    """Clinical records: to be read here, to be changed where their services are offered."""

    list_select_related: Any = ("patient", "site")
