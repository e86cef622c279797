"""Instruments are never deleted: reports name them without a constraint."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("trials", "0002_whose_rights_changed"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="instrument",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=portal.core.triggers.GuardedTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="060c7a21dcb012d223ff4ce892c5e0c6723162ec",
                    level="STATEMENT",
                    operation="DELETE OR TRUNCATE",
                    pgid="pgtrigger_never_deleted_dcedf",
                    table="trials_instrument",
                    when="BEFORE",
                ),
            ),
        ),
    ]
