"""Protocol versions are never deleted: records name them without a constraint."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("trials", "0004_words_of_technical_fields"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="protocolversion",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=portal.core.triggers.GuardedTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="d64351eabc03679d5c6d688fe039430c2a26a039",
                    level="STATEMENT",
                    operation="DELETE OR TRUNCATE",
                    pgid="pgtrigger_never_deleted_cc167",
                    table="trials_protocolversion",
                    when="BEFORE",
                ),
            ),
        ),
    ]
