"""What a migration would do to a table that is in use: the judge of `test_migrations.py`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, RemoveIndexConcurrently
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import ForeignKey, GeneratedField
from django.db.models.fields import NOT_PROVIDED

from portal.core.operations import BuildIndex

LETS_WORK = (BuildIndex, RemoveIndexConcurrently, AddConstraintNotValid)


def complaints(migrations: Sequence[Migration]) -> Iterator[str]:
    """Yield what would lock or rewrite a table made by an earlier migration, or break its readers.

    `migrations` come in the order in which they are applied.
    """
    state = ProjectState()
    existing: set[tuple[str, str]] = set()
    for migration in migrations:
        made: set[tuple[str, str]] = set()
        for operation in flat(migration.operations):
            if isinstance(operation, ops.CreateModel):
                made.add((migration.app_label, operation.name_lower))
            named = operation_model(operation)
            if (migration.app_label, named) in existing:
                for what in judge(operation, migration.app_label, named, state):
                    yield f"{migration.app_label}.{migration.name}: {operation.describe()}: {what}"
            operation.state_forwards(migration.app_label, state)
        existing |= made


def flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    """Yield operations one by one, those too that ours and Django's hold together."""
    for operation in operations:
        held = getattr(operation, "database_operations", None) or next(
            (
                value
                for value in vars(operation).values()
                if isinstance(value, list) and value and isinstance(value[0], Operation)
            ),
            None,
        )
        if held is None:
            yield operation
        else:
            yield from flat(held)


def operation_model(operation: Operation) -> str:
    """Return the name of the model that is changed, in lower case."""
    named = getattr(operation, "model_name", None) or getattr(operation, "name", None) or ""
    if isinstance(operation, ops.RenameModel):
        named = operation.old_name
    return str(named).lower()


def judge(operation: Any, app: str, model: str, state: ProjectState) -> Iterator[str]:
    """Yield what is wrong with an operation on a table in use."""
    if isinstance(operation, (ops.RenameField, ops.RenameModel, ops.AlterModelTable)):
        yield "the version that still runs reads the old name: add, copy, remove a release later"
    elif isinstance(operation, LETS_WORK):
        return
    elif isinstance(operation, ops.AddIndex):
        yield "stops all writes while it is built: BuildIndex"
    elif isinstance(operation, ops.AddConstraint):
        yield "looks at every row under a lock: AddConstraintNotValid, then ValidateConstraint"
    elif isinstance(operation, (ops.AlterUniqueTogether, ops.AlterIndexTogether)):
        yield "builds an index under a lock"
    elif isinstance(operation, ops.AddField):
        yield from _added(operation.field)
    elif isinstance(operation, ops.AlterField):
        before = state.models[app, model].fields[operation.name]
        yield from _altered(before, operation.field)


def _added(field: Any) -> Iterator[str]:
    if isinstance(field, GeneratedField):
        yield "rewrites the table"
    elif not field.null and field.default is NOT_PROVIDED and field.db_default is NOT_PROVIDED:
        yield "is NOT NULL with no default: the version that still runs writes none"
    if field.unique or field.db_index:
        yield "builds an index under a lock: db_index=False, and BuildIndex"


def _altered(before: Any, after: Any) -> Iterator[str]:
    if before.null and not after.null:
        yield "looks at every row under a lock: a constraint NOT VALID that is then validated"
    if (after.unique and not before.unique) or (after.db_index and not before.db_index):
        yield "builds an index under a lock: BuildIndex"
    types = _type(before), _type(after)
    if types[0] != types[1] and not _is_wider(*types):
        yield f"rewrites the table: {types[0]} becomes {types[1]}"


def _type(field: Any) -> str:
    # A reference has the type of what it points to, which is never altered.
    return "reference" if isinstance(field, ForeignKey) else str(field.db_type(connection))


def _is_wider(before: str, after: str) -> bool:
    """Whether a text type only grows, which PostgreSQL notes without a look at the rows."""
    lengths = [
        int(one[8:-1]) if one.startswith("varchar(") else (10**9 if one == "text" else 0)
        for one in (before, after)
    ]
    return 0 < lengths[0] <= lengths[1]
