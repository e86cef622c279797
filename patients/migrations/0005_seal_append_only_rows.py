"""Number and date the rows that are written once, so that they are sealed (ADR 0008)."""

from collections.abc import Iterator

import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.expressions import RawSQL

import portal.core.append_only
import portal.core.history
import portal.core.triggers

# Rows that are there already are numbered in the order of the table; later ones by the trigger.
NUMBERED = RawSQL("nextval('audit.history_id')", ())
STAMP = (
    "NEW.transaction_id := pg_catalog.pg_current_xact_id(); "
    "NEW.pgh_id := pg_catalog.nextval('audit.history_id'::pg_catalog.regclass); "
    "NEW.pgh_created_at := pg_catalog.clock_timestamp(); RETURN NEW;"
)
REFUSE = "RAISE EXCEPTION 'these rows are written once' USING ERRCODE = 'insufficient_privilege';"
# Model -> (hash, id) of its two triggers.
TRIGGERS = {
    "protectedsourcerecord": (
        ("3b812c6e3b3007765f418231e84e1f067eecc227", "pgtrigger_stamped_by_the_database_27f2c"),
        ("933afc07aefb0212f45695da6ffdc942c99fee52", "pgtrigger_stays_as_written_07f12"),
    ),
    "sourcerecord": (
        ("d926ff86abb92e50ca94443cbbc67d2a9331ec23", "pgtrigger_stamped_by_the_database_04c86"),
        ("fee103aedc573650cdd3e96772d666dbb965926a", "pgtrigger_stays_as_written_6fc91"),
    ),
    "vitalsample": (
        ("d8bcc51a43c151f2ea1d256e45b194158b6e87f5", "pgtrigger_stamped_by_the_database_b38cb"),
        ("32ddb83fba070a8d7a20e14b6c39165f3c8b9e60", "pgtrigger_stays_as_written_ad90a"),
    ),
}


def columns(model: str) -> Iterator[Operation]:
    """Add the three columns that sealing reads."""
    yield migrations.AddField(
        model,
        "recorded_at",
        models.DateTimeField(
            db_column="pgh_created_at",
            db_default=django.db.models.functions.datetime.Now(),
            editable=False,
        ),
    )
    for default in (NUMBERED, 0):
        add = migrations.AddField if default is NUMBERED else migrations.AlterField
        yield add(
            model,
            "sequence",
            models.BigIntegerField(
                db_column="pgh_id", db_default=default, editable=False, unique=True
            ),
        )
    yield migrations.AddField(
        model,
        "transaction_id",
        portal.core.history.TransactionIdField(editable=False, null=True),
    )


def triggers(model: str) -> Iterator[Operation]:
    """Install the triggers that stamp a row and keep it."""
    (stamp_hash, stamp_id), (keep_hash, keep_id) = TRIGGERS[model]
    table = f"patients_{model}"
    stamp = portal.core.append_only.StampSql(
        func=STAMP,
        hash=stamp_hash,
        operation="INSERT",
        pgid=stamp_id,
        table=table,
        when="BEFORE",
    )
    keep = portal.core.triggers.GuardedTriggerSql(
        func=REFUSE,
        hash=keep_hash,
        level="STATEMENT",
        operation="UPDATE OR DELETE OR TRUNCATE",
        pgid=keep_id,
        table=table,
        when="BEFORE",
    )
    for name, sql in (("stamped_by_the_database", stamp), ("stays_as_written", keep)):
        yield pgtrigger.migrations.AddTrigger(
            model_name=model, trigger=pgtrigger.compiler.Trigger(name=name, sql=sql)
        )


class Migration(migrations.Migration):
    dependencies = [("patients", "0004_pipeline"), ("audit", "0002_sealing")]
    operations = [
        operation for make in (columns, triggers) for model in TRIGGERS for operation in make(model)
    ]
