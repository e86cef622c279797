"""Columns of lists: states with a mark and a word, figures to the right, dates as given."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from portal.core.partial_dates import PartialDateTime
from portal.desk.layout import is_key, name_of
from portal.desk.words import snake, spoken

Column = Callable[..., Any]
# What a page tells where a record says nothing; there Django would write None.
NOTHING = "–"
# A number as its column keeps it, with zeros that nobody measured.
_STORED = re.compile(r"-?\d+\.\d{4,}")


def label_of(field: Any) -> Any:
    """Return what a field is called; one without words of its own by its name, in the catalog's."""
    name = field.verbose_name
    return _lazy(name) if isinstance(name, str) else name


def badge(word: Any, state: str = "") -> str:
    """Return a word with its mark; `state` is good, notice, caution, danger, blocked or empty."""
    return format_html('<span class="state{}">{}</span>', f" state-{state}" if state else "", word)


def state(field: str, states: Mapping[str, str], *, title: Any = None) -> Column:
    """Return a column that marks the states of a choice field that somebody should notice."""

    @admin.display(description=title or _lazy(field.replace("_", " ")), ordering=field)
    def column(model_admin: Any, row: Any) -> Any:
        value = getattr(row, field)
        if value in (None, ""):
            return NOTHING
        display = getattr(row, f"get_{field}_display", lambda: value)()
        return badge(display, states[str(value)]) if str(value) in states else display

    return column


def figure(field: str, *, title: Any) -> Column:
    """Return a column of numbers; name it `..._figure` to have it set to the right."""

    @admin.display(description=title, ordering=field)
    def column(model_admin: Any, row: Any) -> Any:
        value = getattr(row, field)
        return NOTHING if value is None else plain(value)

    return column


def plain(value: Any) -> Any:
    """Return a decimal without trailing zeros and without an exponent; anything else as it is."""
    if not isinstance(value, Decimal) or not value.is_finite():
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_words(field: Any) -> Column:
    """Return a column that says yes or no: a red cross beside a good answer would alarm."""

    @admin.display(description=label_of(field), ordering=field.name)
    def column(row: Any) -> Any:
        value = getattr(row, field.name)
        return NOTHING if value is None else (_("yes") if value else _("no"))

    return column


def facts(field: Any) -> Column:
    """Return a column that tells a JSON object name by name, and a list in one line."""

    @admin.display(description=label_of(field))
    def column(row: Any) -> Any:
        value = getattr(row, field.name)
        if isinstance(value, dict):
            return format_html_join(
                "", '<div><span class="cell-muted">{}</span> {}</div>', map(_fact, value.items())
            )
        return NOTHING if value is None else told(value) or NOTHING

    return column


def _fact(pair: tuple[str, Any]) -> tuple[str, str]:
    return spoken(pair[0]) + ":", told(pair[1])


def told(value: Any) -> str:
    """Return what a JSON value says, in one line."""
    if isinstance(value, dict):
        parts = ((name, part) for name, part in value.items() if not is_key(part))
        return ", ".join(f"{spoken(name)} {told(part)}" for name, part in parts)
    if isinstance(value, list | tuple):
        between = "; " if any(isinstance(part, dict) for part in value) else ", "
        return between.join(map(told, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return str(plain(Decimal(value))) if _STORED.fullmatch(value) else spoken(value)
    return json.dumps(value, default=str)


def in_code(field: Any) -> Column:
    """Return a column that says a code in words."""

    @admin.display(description=label_of(field), ordering=field.name)
    def column(row: Any) -> Any:
        value = getattr(row, field.name)
        return spoken(value, field.name) if value else NOTHING

    return column


def named(field: Any) -> Column:
    """Return a column that tells a related record by its name, without a link."""

    @admin.display(description=label_of(field), ordering=field.name)
    def column(row: Any) -> Any:
        record = getattr(row, field.name)
        return NOTHING if record is None else name_of(record)

    return column


def related(model_admin: Any, field: Any) -> Column:
    """Return a column that links to a related record by its name; one without has its kind's."""

    @admin.display(description=label_of(field))
    def column(row: Any) -> Any:
        record = getattr(row, field.name)
        if record is None:
            return NOTHING
        if not model_admin.admin_site.is_registered(type(record)):
            return name_of(record)
        return format_html(
            '<a href="{}">{}</a>', _page_of(type(record), record.pk), name_of(record)
        )

    return column


def key(field: Any) -> Column:
    """Return a column of a key, which is as wide as people compare it; hovered or copied, whole."""

    @admin.display(description=label_of(field), ordering=field.name)
    def column(row: Any) -> Any:
        return _key(getattr(row, field.name))

    return column


def _key(value: Any) -> Any:
    # Cut by the style alone: what is selected and copied, and what is read out, is the whole.
    return format_html('<code class="key" title="{0}">{0}</code>', value) if value else NOTHING


@admin.display(description=_lazy("right"), ordering="permission__codename")
def right_as_stored(model_admin: Any, row: Any) -> str:
    """Tell a right by its code, which people search for."""
    return str(row.permission.codename)


def place_link(model_admin: Any, field: Any) -> Column:
    """Return a column that links to the trial, site or patient whose id a row holds."""
    kind = field.name.removesuffix("_id")

    @admin.display(description=label_of(field))
    def column(row: Any) -> Any:
        found = getattr(row, field.name)
        for model in model_admin.admin_site._registry if found else ():
            if snake(model.__name__) == kind:
                return format_html(
                    '<a href="{}">{}</a>', _page_of(model, found), model._meta.verbose_name
                )
        return _key(found)

    return column


def _page_of(model: Any, key: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[key])


def record_link(model_admin: Any) -> Column:
    """Return a column that links to the record that a row names by type and id."""

    @admin.display(description=_lazy("record"))
    def column(row: Any) -> Any:
        named = getattr(row, "resource", "") or getattr(row, "record_type", "")
        for model in model_admin.admin_site._registry if row.record_id else ():
            if snake(model.__name__) == named:
                url = _page_of(model, row.record_id)
                return format_html('<a href="{}">{}</a>', url, model._meta.verbose_name)
        return _key(row.record_id)

    return column


def on_two_lines(first: str, second: str, *, title: Any) -> Column:
    """Return a column that tells a field and, quietly under it, another that belongs to it."""

    @admin.display(description=title, ordering=first)
    def column(model_admin: Any, row: Any) -> Any:
        above, below = getattr(row, first) or NOTHING, getattr(row, second)
        return format_html('{}<div class="cell-muted">{}</div>', above, below) if below else above

    return column


def exactly(field: Any) -> Column:
    """Return a column that tells a partial date to the letter, with its zone."""

    @admin.display(description=label_of(field))
    def column(row: Any) -> Any:
        value = getattr(row, field.name)
        if value is None:
            return NOTHING
        zone = value.zone or _("zone unknown")
        return format_html('{} <span class="cell-muted">{}</span>', value.text, zone)

    return column


def clinical_date(field: str, *, title: Any, ordering: str | None = None) -> Column:
    """Return a column of a partial date: the text as given, the zone on hover."""

    @admin.display(description=title, ordering=ordering or f"{field}_earliest")
    def column(model_admin: Any, row: Any) -> Any:
        return dated(getattr(row, field))

    return column


def dated(value: PartialDateTime | None) -> Any:
    """Return a date to the minute in its own wall time; the whole of it and its zone on hover."""
    if value is None:
        return NOTHING
    day, _mark, time = value.text.partition("T")
    shown = f"{day} {time[:5]}".strip() if ":" in time else value.text
    zone = value.zone or _("zone unknown")
    return format_html(
        '<time class="date-cell" title="{}">{}</time>', f"{value.text} ({zone})", shown
    )
