"""Accounts are never deleted: reports name them without a constraint."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_whose_rights_changed"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=portal.core.triggers.GuardedTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="0f9eb8df2af68817f6a6a10e206eee2b64013964",
                    level="STATEMENT",
                    operation="DELETE OR TRUNCATE",
                    pgid="pgtrigger_never_deleted_d7be2",
                    table="accounts_user",
                    when="BEFORE",
                ),
            ),
        ),
    ]
