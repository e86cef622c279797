"""The history of one record, as the database's triggers wrote it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core.history import TRACKED
from portal.desk.columns import label_of, plain, told
from portal.desk.layout import name_of
from portal.desk.words import PLACES, record_named, spoken

PAGE = 50
_LONGEST = 500
_SILENT = {"id", "version", "created_at"}
_STATES = {"insert": "state-good", "update": "state-notice", "delete": "state-danger"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field's old and new value, in words."""

    label: str
    before: str
    after: str
    had_value: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the record: when, who, in which role, why, by which path, what."""

    at: datetime
    who: str
    role: str
    reason: str
    source: str
    operation: str
    state: str
    changes: Sequence[Change] = field(default_factory=tuple)


def entries(
    request: HttpRequest, site: Any, record: models.Model, *, before: int | None = None
) -> tuple[list[Entry], int | None]:
    """Return one page of the record's history, newest first, and where the older page begins."""
    table = TRACKED.get(type(record))
    if table is None:
        return [], None
    rows = table._default_manager.filter(pgh_obj_id=record.pk).order_by("-pgh_id")
    if before is not None:
        rows = rows.filter(pgh_id__lt=before)
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    model_admin = site.get_model_admin(type(record))
    tracked = [f for f in _tracked_fields(type(record), table) if f.name not in model_admin.hidden]
    words = _Words(request, site, found, tracked, model_admin)
    made = [
        _entry(row, found[index + 1] if index + 1 < len(found) else None, tracked, words)
        for index, row in enumerate(shown)
    ]
    return made, shown[-1].pgh_id if len(found) > PAGE else None


def _tracked_fields(model: type[models.Model], table: type[models.Model]) -> list[Any]:
    kept = {f.name for f in table._meta.fields}
    return [
        f
        for f in model._meta.concrete_fields
        if f.name in kept and f.name not in _SILENT and not isinstance(f, models.GeneratedField)
    ]


def _entry(row: Any, previous: Any, tracked: Iterable[Any], words: "_Words") -> Entry:
    operations = {"insert": _("Made"), "update": _("Changed"), "delete": _("Deleted")}
    changes = []
    for tracked_field in tracked if row.pgh_label != "delete" else ():
        new = getattr(row, tracked_field.attname)
        old = getattr(previous, tracked_field.attname) if previous is not None else None
        if new != old and not (previous is None and new in (None, "", [], {})):
            changes.append(
                Change(
                    label=str(label_of(tracked_field)),
                    before=words.of(tracked_field, old),
                    after=words.of(tracked_field, new),
                    # Of what is not shown, only that it was written anew can be told.
                    had_value=previous is not None and not (_is_sealed(old) and _is_sealed(new)),
                )
            )
    return Entry(
        at=row.pgh_created_at,
        who=words.person(row.acted_by),
        role=spoken(row.acted_role, "acted_role"),
        reason=row.acted_reason,
        source=row.acted_source,
        operation=operations.get(row.pgh_label, row.pgh_label),
        state=_STATES.get(row.pgh_label, ""),
        changes=tuple(changes),
    )


def _is_sealed(value: Any) -> bool:
    return isinstance(value, bytes | memoryview)


def _model_of(tracked_field: Any) -> Any:
    """Return the model of whose rows a field names one."""
    if tracked_field.is_relation:
        return tracked_field.related_model
    name = tracked_field.name
    return record_named(name.removesuffix("_id")) if name in PLACES else None


class _Words:
    """Values in words; related rows by their name where the reader may see them."""

    def __init__(
        self,
        request: HttpRequest,
        site: Any,
        rows: list[Any],
        tracked: list[Any],
        model_admin: Any,
    ):
        self._model_admin = model_admin
        people = {row.acted_by for row in rows}
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for tracked_field in tracked:
            model = _model_of(tracked_field)
            if model is not None:
                ids = {getattr(row, tracked_field.attname) for row in rows} - {None}
                wanted[model] |= ids
        people |= wanted.pop(User, set())
        self._people = {
            user.pk: user.display_name or user.username
            for user in User.objects.filter(pk__in=people)
        }
        self._names: dict[tuple[type[models.Model], Any], str] = {}
        for model, ids in wanted.items():
            if ids and site.is_registered(model):
                visible = site.get_model_admin(model).get_queryset(request).filter(pk__in=ids)
                self._names.update({(model, row.pk): name_of(row) for row in visible})

    def person(self, key: Any) -> str:
        """Return a person's name."""
        return self._people.get(key, str(key))

    def of(self, tracked_field: Any, value: Any) -> str:
        """Return a value as a reader says it."""
        if value is None or value == "":
            return "–"
        model = _model_of(tracked_field)
        if model is not None:
            if model is User:
                return self.person(value)
            return self._names.get((model, value), str(value))
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if _is_sealed(value):
            return _("not shown")
        if isinstance(value, dict | list):
            text = told(value)
        elif isinstance(value, datetime):
            text = value.strftime("%Y-%m-%d %H:%M:%S")
        elif isinstance(value, Decimal):
            text = str(plain(value))
        else:
            text = str(dict(tracked_field.flatchoices).get(value, value))
            if self._model_admin.is_code(tracked_field):
                text = spoken(text, tracked_field.name)
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
