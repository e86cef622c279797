"""History that the database writes: who, in which role, when, why, by which path, old and new.

Every table of clinical data, access, accounts and set-up is `@tracked()`: statement-level triggers
copy each inserted, changed or deleted row into `<table>history` together with what the transaction
declared by `acting()`. A write that declared nobody is refused by the database, and so is a change
of a clinical row without a reason. The application's role can neither write history nor stop it
(ADR 0003, 0004; 21 CFR 11.10(e), EMA 6.2.1).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

import pghistory
import pghistory.models
import pghistory.trigger
import pgtrigger
from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL

from portal.core import trigger_registry
from portal.core.triggers import GuardedMixin, GuardedTrigger

trigger_registry.index()
Model = TypeVar("Model", bound=type[models.Model])


class Source(StrEnum):
    """The path by which a write reached the database."""

    API = "api"
    ADMIN = "admin"
    IMPORT = "import"
    INTAKE = "intake"
    TASK = "task"
    COMMAND = "command"
    MIGRATION = "migration"
    SQL = "sql"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the edge knows of the one who acts; a service adds who and why."""

    source: Source = Source.COMMAND
    role: str = ""
    organization: str = ""
    request_id: str = ""


_NONE = Circumstances()
circumstances: ContextVar[Circumstances] = ContextVar("circumstances", default=_NONE)


class Actor(Protocol):
    """Anybody who can act: a user, or a service account."""

    @property
    def pk(self) -> Any: ...


@contextmanager
def acting(
    *,
    by: Actor | UUID,
    at: datetime | None = None,
    reason: str = "",
    source: Source | None = None,
    role: str | None = None,
) -> Iterator[None]:
    """Open a transaction in which `by` acts for `reason`; history rows carry both.

    `at` is the caller's clock for the record itself; history is stamped by the database's clock.
    A nested `acting` takes over until it ends. Raises what the body raises, rolled back.
    """
    del at  # part of every service's signature; the history's time is not the caller's to choose
    edge = circumstances.get()
    declared = {
        "portal.actor": str(by if isinstance(by, UUID) else by.pk),
        "portal.reason": reason,
        "portal.source": str(source or edge.source),
        "portal.role": edge.role if role is None else role,
        "portal.organization": edge.organization,
        "portal.request_id": edge.request_id,
    }
    with transaction.atomic():
        before = _declare(declared)
        yield
        # Only on the way out in peace: a rollback takes the declarations back by itself.
        _declare(before)


def _declare(values: dict[str, str]) -> dict[str, str]:
    """Set the transaction's declarations; return what they were. One round trip."""
    old = ", ".join("current_setting(%s, true)" for _ in values)
    new = ", ".join("set_config(%s, %s, true)" for _ in values)
    with connection.cursor() as cursor:
        # MATERIALIZED keeps the reading before the writing.
        cursor.execute(
            f"WITH old AS MATERIALIZED (SELECT {old}) SELECT old.*, {new} FROM old",  # noqa: S608
            [*values, *(part for pair in values.items() for part in pair)],
        )
        row = cursor.fetchone() or ()
    return {name: row[index] or "" for index, name in enumerate(values)}


@contextmanager
def under(**changes: Any) -> Iterator[None]:
    """Change the circumstances (source, role, organization, request id) for a while."""
    token = circumstances.set(replace(circumstances.get(), **changes))
    try:
        yield
    finally:
        circumstances.reset(token)


class TransactionIdField(models.Field):
    """PostgreSQL's xid8: the transaction that wrote the row."""

    def db_type(self, connection: Any) -> str:
        """Return the column type."""
        return "xid8"


class HistoryRow(pghistory.models.Event):
    """What every history row carries besides the columns of its record.

    The columns are explicit rather than one JSON context: they are indexed, typed, and exported.
    """

    pgh_id = models.BigIntegerField(
        primary_key=True, db_default=RawSQL("nextval('audit.history_id')", ())
    )
    pgh_created_at = models.DateTimeField()
    transaction_id = TransactionIdField()
    acted_by = models.UUIDField()
    acted_role = models.TextField()
    acted_organization = models.TextField()
    acted_reason = models.TextField()
    acted_source = models.TextField()
    acted_request_id = models.TextField()

    class Meta:
        abstract = True


_DECLARED = (
    "transaction_id",
    "acted_by",
    "acted_role",
    "acted_organization",
    "acted_reason",
    "acted_source",
    "acted_request_id",
)


class HistoryTrigger(GuardedMixin, pghistory.trigger.Event):  # type: ignore[misc]
    """pghistory's statement-level trigger, with who and why taken from the transaction."""

    reason_required = False

    def get_func(self, model: Any) -> pgtrigger.Func:
        """Return the body that copies the affected rows into the history table."""
        event: Any = self.event_model
        alias = self.row.replace("NEW", "new_values").replace("OLD", "old_values")
        tracked = {field.name for field in event.pgh_tracked_model._meta.fields}
        columns = sorted(
            field.column
            for field in event._meta.fields
            if field.name in tracked and not isinstance(field, models.GeneratedField)
        )
        key = event.pgh_tracked_model._meta.pk.column
        into = [*columns, "pgh_obj_id", "pgh_label", "pgh_created_at", *_DECLARED]
        values = [
            *(f'{alias}."{column}"' for column in columns),
            f'{alias}."{key}"',
            f"'{self.label}'",
            "clock_timestamp()",
            *(f"declared.{name}" for name in _DECLARED),
        ]
        required = "true" if self.reason_required and self.label != "insert" else "false"
        names = ", ".join(f'"{column}"' for column in into)
        # Every part comes from model definitions; nothing here is anybody's input.
        return pgtrigger.Func(
            f'INSERT INTO "{event._meta.db_table}" ({names}) '  # noqa: S608
            f"SELECT {', '.join(values)} "
            f"FROM declared_context('{model._meta.db_table}', {required}) AS declared, "
            f"(SELECT {alias}.* FROM {{cond_{alias}}}) AS {alias}; RETURN NULL;"
        )


class _Guarded:
    """Register HistoryTrigger instead of pghistory's trigger."""

    reason_required = False

    def add_event_trigger(self, event_model: Any) -> None:
        """Register the trigger on the tracked model."""
        made = HistoryTrigger(
            event_model=event_model,
            label=self.label,  # type: ignore[attr-defined]
            name=self.trigger_name,  # type: ignore[attr-defined]
            row=self.row,  # type: ignore[attr-defined]
            operation=self.operation,  # type: ignore[attr-defined]
            condition=self.condition,  # type: ignore[attr-defined]
            level=pgtrigger.Statement,
        )
        made.reason_required = self.reason_required
        pgtrigger.register(made)(event_model.pgh_tracked_model)


class _Insert(_Guarded, pghistory.InsertEvent):
    pass


class _Update(_Guarded, pghistory.UpdateEvent):
    pass


class _Delete(_Guarded, pghistory.DeleteEvent):
    pass


def _refuse_direct_writes() -> list[GuardedTrigger]:
    direct = GuardedTrigger(
        name="written_by_triggers_only",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=(
            "IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' "
            "USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;"
        ),
    )
    append_only = GuardedTrigger(
        name="history_never_changes",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
        func=("RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';"),
    )
    return [direct, append_only]


TRACKED: dict[type[models.Model], type[models.Model]] = {}


def tracked(*, clinical: bool = False, exclude: tuple[str, ...] = ()) -> Callable[[Model], Model]:
    """Give a model its trigger-written history; `clinical` rows change only for a reason.

    `exclude` names columns whose values no history may keep (a password's hash).
    """

    def decorate(model: Model) -> Model:
        trackers: list[Any] = [_Insert(), _Update(), _Delete()]
        for tracker in trackers:
            tracker.reason_required = clinical
        computed = [f.name for f in model._meta.fields if isinstance(f, models.GeneratedField)]
        TRACKED[model] = pghistory.create_event_model(
            model,
            *trackers,
            exclude=[*computed, *exclude] or None,
            obj_field=pghistory.ObjForeignKey(
                on_delete=models.DO_NOTHING, db_constraint=False, db_index=True, related_name="+"
            ),
            context_field=None,  # type: ignore[arg-type]
            context_id_field=None,  # type: ignore[arg-type]
            base_model=HistoryRow,
            model_name=f"{model.__name__}History",
            attrs={"__doc__": f"Trigger-written history of {model.__name__}."},
            meta={"triggers": _refuse_direct_writes()},
            abstract=False,
            level=pgtrigger.Statement,
        )
        return model

    return decorate
