"""A migration runs while people work: it neither locks nor rewrites a table that is in use."""

from typing import Any

import pytest
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from portal.core.operations import BuildIndex, Reword
from tests.architecture.migrations import complaints

OURS = ("portal", "trials", "patients", "events")

# A migration that has to lock or rewrite all the same: what it does, and why nobody waits for it.
EXCUSED: dict[str, str] = {}


@pytest.mark.req("F29")
def test_no_migration_of_ours_locks_or_rewrites_a_table_in_use() -> None:
    loader = MigrationLoader(None)
    order = []
    for leaf in loader.graph.leaf_nodes():
        order += [key for key in loader.graph.forwards_plan(leaf) if key not in order]
    found = list(complaints([loader.graph.nodes[key] for key in order]))
    labels = {config for config in loader.migrated_apps if _is_ours(loader, config)}
    ours = [one for one in found if one.partition(".")[0] in labels]
    assert [one for one in ours if one not in EXCUSED] == []
    assert not [one for one in EXCUSED if one not in ours]


def _is_ours(loader: MigrationLoader, label: str) -> bool:
    modules = {node.__module__ for key, node in loader.graph.nodes.items() if key[0] == label}
    return any(module.partition(".")[0] in OURS for module in modules)


def migration(number: int, *operations: Any) -> Migration:
    made = Migration(f"{number:04d}_made", "things")
    made.operations = list(operations)
    return made


FIRST = ops.CreateModel(
    "Thing",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=10)),
        ("size", models.IntegerField(null=True)),
    ],
)
INDEX = models.Index(fields=["size"], name="by_size")
POSITIVE = models.CheckConstraint(condition=models.Q(size__gt=0), name="size_is_positive")


@pytest.mark.req("F29")
@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (ops.AddIndex("thing", INDEX), "BuildIndex"),
        (AddIndexConcurrently("thing", INDEX), "BuildIndex"),
        (ops.AddConstraint("thing", POSITIVE), "AddConstraintNotValid"),
        (
            ops.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="one")),
            "under a lock",
        ),
        (ops.AddField("thing", "color", models.TextField()), "NOT NULL"),
        (ops.AddField("thing", "code", models.TextField(null=True, unique=True)), "an index"),
        (
            ops.AddField(
                "thing", "other", models.ForeignKey("things.Thing", models.CASCADE, null=True)
            ),
            "an index",
        ),
        (ops.AlterField("thing", "size", models.BigIntegerField(null=True)), "rewrites"),
        (ops.AlterField("thing", "size", models.IntegerField()), "every row"),
        (ops.AlterField("thing", "name", models.CharField(max_length=5)), "rewrites"),
        (ops.AlterField("thing", "name", models.CharField(max_length=10, unique=True)), "index"),
        (ops.RenameField("thing", "size", "length"), "the old name"),
        (ops.RenameModel("Thing", "Item"), "the old name"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_locks_or_rewrites_is_refused(operation: Any, said: str) -> None:
    (found,) = complaints([migration(1, FIRST), migration(2, operation)])
    assert said in found
    # Where the table is made, nobody reads it yet.
    assert list(complaints([migration(1, FIRST, operation)])) == []


@pytest.mark.req("F29")
@pytest.mark.parametrize(
    "operation",
    [
        ops.AddField("thing", "color", models.TextField(null=True)),
        ops.AddField("thing", "color", models.TextField(db_default="")),
        ops.AlterField("thing", "name", models.CharField(max_length=20)),
        ops.AlterField("thing", "name", models.TextField()),
        BuildIndex("thing", INDEX),
        AddConstraintNotValid("thing", POSITIVE),
        ops.RunPython(ops.RunPython.noop),
        Reword({"thing": {"size": "extent"}}, names={"thing": ("thing", "things")}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_lets_people_work_is_allowed(operation: Any) -> None:
    assert list(complaints([migration(1, FIRST), migration(2, operation)])) == []


def test_words_are_changed_in_the_state_alone() -> None:
    state = ProjectState()
    steps = [FIRST, Reword({"thing": {"size": "extent"}}, names={"thing": ("thing", "things")})]
    for operation in steps:
        operation.state_forwards("things", state)
    made = state.models["things", "thing"]
    assert made.fields["size"].verbose_name == "extent"
    assert made.fields["size"].deconstruct()[3] == {"null": True, "verbose_name": "extent"}
    assert made.options["verbose_name_plural"] == "things"


@pytest.mark.req("F29")
def test_a_constraint_is_added_and_then_validated() -> None:
    steps = (
        migration(2, AddConstraintNotValid("thing", POSITIVE)),
        migration(3, ValidateConstraint("thing", POSITIVE.name)),
    )
    assert list(complaints([migration(1, FIRST), *steps])) == []
