"""Browsers that are told by web push, with their history."""

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import portal.core.clock
import portal.core.history
import portal.core.ids
import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_notices"),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name="PushSubscription",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=portal.core.ids.uuid7,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "created_at",
                            models.DateTimeField(default=portal.core.clock.now, editable=False),
                        ),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                        (
                            "session",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.session",
                                verbose_name="session",
                            ),
                        ),
                        ("host", models.CharField(max_length=255, verbose_name="push service")),
                        ("endpoint_digest", models.CharField(editable=False, max_length=64)),
                        ("address", models.BinaryField(verbose_name="address, sealed")),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                        (
                            "end_reason",
                            models.CharField(
                                blank=True, max_length=20, verbose_name="why it ended"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "browser for web push",
                        "verbose_name_plural": "browsers for web push",
                        "abstract": False,
                        "indexes": [
                            models.Index(
                                models.F("person"),
                                condition=models.Q(("ended_at__isnull", True)),
                                name="push_of_person",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("endpoint_digest__regex", "^[0-9a-f]{64}$")),
                                name="push_endpoint_is_known_by_its_digest",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("end_reason", ""), ("ended_at__isnull", True)),
                                    models.Q(
                                        ("ended_at__isnull", False),
                                        models.Q(("end_reason", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="push_subscription_ended_for_a_reason",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=("endpoint_digest",),
                                name="a_browser_tells_one_person",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_pushsubscriptionhistory" ("address", "created_at", "end_reason", "ended_at", "endpoint_digest", "host", "id", "person_id", "session_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."address", new_values."created_at", new_values."end_reason", new_values."ended_at", new_values."endpoint_digest", new_values."host", new_values."id", new_values."person_id", new_values."session_id", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_pushsubscription\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="d5d9160548161dbc5a0907b19dd82790a1db1c3f",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_a18f6",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_pushsubscription",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_pushsubscriptionhistory" ("address", "created_at", "end_reason", "ended_at", "endpoint_digest", "host", "id", "person_id", "session_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."address", new_values."created_at", new_values."end_reason", new_values."ended_at", new_values."endpoint_digest", new_values."host", new_values."id", new_values."person_id", new_values."session_id", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_pushsubscription\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="83be32d082eb22b413fe039d78329214f0b68939",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_078fa",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_pushsubscription",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_pushsubscriptionhistory" ("address", "created_at", "end_reason", "ended_at", "endpoint_digest", "host", "id", "person_id", "session_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."address", old_values."created_at", old_values."end_reason", old_values."ended_at", old_values."endpoint_digest", old_values."host", old_values."id", old_values."person_id", old_values."session_id", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_pushsubscription\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="0bd7aefe8218919112bc883fc6dccc1a4226ff31",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_d605e",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_pushsubscription",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="c7c27f5861c58b0433cc1b875901fba25169a9f7",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_551d6",
                                    table="notices_pushsubscription",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PushSubscriptionHistory",
                    fields=[
                        ("pgh_label", models.TextField(help_text="The event label.")),
                        (
                            "pgh_id",
                            models.BigIntegerField(
                                db_default=django.db.models.expressions.RawSQL(
                                    "nextval('audit.history_id')", ()
                                ),
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("pgh_created_at", models.DateTimeField()),
                        ("transaction_id", portal.core.history.TransactionIdField()),
                        ("acted_by", models.UUIDField()),
                        ("acted_role", models.TextField()),
                        ("acted_organization", models.TextField()),
                        ("acted_reason", models.TextField()),
                        ("acted_source", models.TextField()),
                        ("acted_request_id", models.TextField()),
                        (
                            "pgh_obj",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="notices.pushsubscription",
                            ),
                        ),
                        (
                            "id",
                            models.UUIDField(
                                default=portal.core.ids.uuid7, editable=False, serialize=False
                            ),
                        ),
                        (
                            "created_at",
                            models.DateTimeField(default=portal.core.clock.now, editable=False),
                        ),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "person",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                        (
                            "session",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="accounts.session",
                                verbose_name="session",
                            ),
                        ),
                        ("host", models.CharField(max_length=255, verbose_name="push service")),
                        ("endpoint_digest", models.CharField(editable=False, max_length=64)),
                        ("address", models.BinaryField(verbose_name="address, sealed")),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                        (
                            "end_reason",
                            models.CharField(
                                blank=True, max_length=20, verbose_name="why it ended"
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="6fe8c1bc818f8336c5bc405352fb88ad6b312b67",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_d23a6",
                                    table="notices_pushsubscriptionhistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="ae7ed8d2e61916c4380dd7dba790296c54bc392d",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_9c4bf",
                                    table="notices_pushsubscriptionhistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
            ],
        ),
    ]
