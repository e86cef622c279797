"""The guards: every trigger of ours is there, always enabled, and does what the code says."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection

from portal.audit.verification.report import Report

# Functions that no trigger declares, by the migration whose text they must have.
_WRITTEN_BY = (
    ("portal.core.migrations.0001_schemas_and_functions", ("DECLARED_CONTEXT",)),
    (
        "portal.audit.migrations.0002_sealing",
        ("SEALED_TABLES", "ROW_DIGEST", "SEAL_PARTS", "SEAL_NEXT", "PART_DIGESTS", "ROW_MARKS",
         "TABLE_FACTS", "CURRENT_DIFFERENCE"),
    ),
)  # fmt: skip
_BODY = re.compile(r"AS \$\$(.*?)\$\$", re.DOTALL)
_NAME = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (?:\w+\.)?(\w+)\s*\(")


def check_guards(report: Report) -> None:
    """Compare triggers and functions of the database with those of the code."""
    bodies, states = _bodies(), _states()
    declared = {(table, name) for table, name, _body in _declared_triggers()}
    guarded = {table for table, _name in declared}
    for table, name in states.keys() - declared:
        if table in guarded:
            report.add(f"trigger {name} is not ours", table=table)
    for table, name in _rules():
        report.add(f"rule {name} rewrites what is asked of the table", table=table)
    for table, name, body in _declared_triggers():
        state = states.get((table, name))
        if state is None:
            report.add(f"trigger {name} is missing", table=table)
        elif state != "A":
            report.add(f"trigger {name} is switched off or can be ({state})", table=table)
        if body not in bodies.get(name, []):
            report.add(f"function {name} is not the one of this version", table=table)
    for name, body in _declared_functions():
        if bodies.get(name) != [body]:
            report.add(f"function {name} is not the one of this version")


@cache
def _declared_triggers() -> list[tuple[str, str, str]]:
    return list(_compiled_triggers())


def _compiled_triggers() -> Iterator[tuple[str, str, str]]:
    for model in apps.get_models():
        triggers: list[Any] = getattr(model._meta, "triggers", [])
        for trigger in triggers:
            compiled = trigger.compile(model)
            found = _BODY.search(compiled.install_sql)
            yield model._meta.db_table, compiled.sql.pgid, found.group(1) if found else ""


def _declared_functions() -> Iterator[tuple[str, str]]:
    for module, names in _WRITTEN_BY:
        migration = import_module(module)
        for constant in names:
            text = getattr(migration, constant)
            name, body = _NAME.search(text), _BODY.search(text)
            if name and body:
                yield name.group(1), body.group(1)


def _bodies() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, p.prosrc FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname IN ('public', 'identity', 'audit', 'allocation')"
        )
        for name, body in cursor.fetchall():
            found.setdefault(name, []).append(body)
    return found


def _states() -> dict[tuple[str, str], str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"
        )
        return {(table, name): state for table, name, state in cursor.fetchall()}


def _rules() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, rulename FROM pg_rules "
            "WHERE schemaname IN ('public', 'identity', 'audit', 'allocation')"
        )
        return list(cursor.fetchall())
