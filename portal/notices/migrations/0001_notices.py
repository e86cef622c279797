"""The tables of this app, with their constraints and history from the first day."""

import datetime

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import portal.core.append_only
import portal.core.clock
import portal.core.history
import portal.core.ids
import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_service_accounts"),
        ("core", "0001_schemas_and_functions"),
        ("live", "0001_initial"),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name="Escalation",
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
                        ("kind", models.CharField(max_length=40, verbose_name="kind")),
                        (
                            "ladder",
                            models.CharField(
                                choices=[("medical", "Medical"), ("regulatory", "Regulatory")],
                                max_length=12,
                                verbose_name="ladder",
                            ),
                        ),
                        (
                            "urgency",
                            models.CharField(
                                choices=[
                                    ("routine", "Routine"),
                                    ("urgent", "Urgent"),
                                    ("safety", "Safety"),
                                ],
                                max_length=10,
                                verbose_name="urgency",
                            ),
                        ),
                        ("resource", models.CharField(max_length=40, verbose_name="resource")),
                        ("record_id", models.UUIDField(verbose_name="record")),
                        (
                            "occasion",
                            models.CharField(blank=True, max_length=60, verbose_name="occasion"),
                        ),
                        ("trial_id", models.UUIDField(verbose_name="trial")),
                        ("site_id", models.UUIDField(null=True, verbose_name="site")),
                        ("patient_id", models.UUIDField(null=True, verbose_name="patient")),
                        (
                            "subject_number",
                            models.CharField(
                                blank=True, max_length=40, verbose_name="subject number"
                            ),
                        ),
                        (
                            "number",
                            models.CharField(blank=True, max_length=40, verbose_name="number"),
                        ),
                        ("started_at", models.DateTimeField(verbose_name="started")),
                        ("due_at", models.DateTimeField(null=True, verbose_name="due")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("running", "Running"),
                                    ("acknowledged", "Acknowledged"),
                                    ("ended", "No longer needed"),
                                ],
                                default="running",
                                max_length=12,
                                verbose_name="state",
                            ),
                        ),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                        (
                            "ended_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="ended by",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "escalation",
                        "verbose_name_plural": "escalations",
                        "indexes": [
                            models.Index(models.F("started_at"), name="escalation_started"),
                            models.Index(
                                fields=["trial_id", "-created_at", "-id"],
                                name="escalation_by_trial",
                            ),
                            models.Index(
                                fields=["site_id", "-created_at", "-id"], name="escalation_by_site"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("kind", "resource", "record_id", "occasion"),
                                name="an_occasion_climbs_once",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("state", "running")),
                                fields=("resource", "record_id"),
                                name="a_record_climbs_one_ladder_at_a_time",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "kind__in",
                                        [
                                            "adverse_event.serious",
                                            "adverse_event.follow_up",
                                            "clock.due",
                                            "clock.overdue",
                                            "alert.raised",
                                            "submission.quarantined",
                                            "query.opened",
                                            "diary.missed",
                                            "signature.needed",
                                            "access.changed",
                                            "report.ready",
                                        ],
                                    )
                                ),
                                name="escalation_kind_is_declared",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("ladder__in", ["medical", "regulatory"])),
                                name="escalation_ladder_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("urgency__in", ["routine", "urgent", "safety"])
                                ),
                                name="escalation_urgency_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state__in", ["running", "acknowledged", "ended"])
                                ),
                                name="escalation_state_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("ended_at__isnull", True), ("ended_by__isnull", True)
                                    ),
                                    models.Q(
                                        ("ended_at__isnull", False), ("ended_by__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                                name="an_escalation_is_ended_by_somebody",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("ended_at__isnull", True), ("state", "running")),
                                    models.Q(
                                        models.Q(("state", "running"), _negated=True),
                                        ("ended_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="an_escalation_runs_or_has_ended",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="e60d06eb628cd0ee7c5ca9a0cd39d58780d3bc22",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_516b9",
                                    table="notices_escalation",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationhistory" ("created_at", "due_at", "ended_at", "ended_by_id", "id", "kind", "ladder", "number", "occasion", "patient_id", "record_id", "resource", "site_id", "started_at", "state", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."due_at", new_values."ended_at", new_values."ended_by_id", new_values."id", new_values."kind", new_values."ladder", new_values."number", new_values."occasion", new_values."patient_id", new_values."record_id", new_values."resource", new_values."site_id", new_values."started_at", new_values."state", new_values."subject_number", new_values."trial_id", new_values."urgency", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalation\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="4ca32fc4eaebd58ea5da1dd0670ed31854345343",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_9c850",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_escalation",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationhistory" ("created_at", "due_at", "ended_at", "ended_by_id", "id", "kind", "ladder", "number", "occasion", "patient_id", "record_id", "resource", "site_id", "started_at", "state", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."due_at", new_values."ended_at", new_values."ended_by_id", new_values."id", new_values."kind", new_values."ladder", new_values."number", new_values."occasion", new_values."patient_id", new_values."record_id", new_values."resource", new_values."site_id", new_values."started_at", new_values."state", new_values."subject_number", new_values."trial_id", new_values."urgency", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalation\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="71ccb817ebfe2d05e5a374309d83c9ae61b0be05",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_c5071",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_escalation",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationhistory" ("created_at", "due_at", "ended_at", "ended_by_id", "id", "kind", "ladder", "number", "occasion", "patient_id", "record_id", "resource", "site_id", "started_at", "state", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."due_at", old_values."ended_at", old_values."ended_by_id", old_values."id", old_values."kind", old_values."ladder", old_values."number", old_values."occasion", old_values."patient_id", old_values."record_id", old_values."resource", old_values."site_id", old_values."started_at", old_values."state", old_values."subject_number", old_values."trial_id", old_values."urgency", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalation\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="2af3f2d23ed393894d4e1067ec058597e2c552e5",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_189f3",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_escalation",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EscalationHistory",
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
                                to="notices.escalation",
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
                        ("kind", models.CharField(max_length=40, verbose_name="kind")),
                        ("ladder", models.CharField(max_length=12, verbose_name="ladder")),
                        ("urgency", models.CharField(max_length=10, verbose_name="urgency")),
                        ("resource", models.CharField(max_length=40, verbose_name="resource")),
                        ("record_id", models.UUIDField(verbose_name="record")),
                        (
                            "occasion",
                            models.CharField(blank=True, max_length=60, verbose_name="occasion"),
                        ),
                        ("trial_id", models.UUIDField(verbose_name="trial")),
                        ("site_id", models.UUIDField(null=True, verbose_name="site")),
                        ("patient_id", models.UUIDField(null=True, verbose_name="patient")),
                        (
                            "subject_number",
                            models.CharField(
                                blank=True, max_length=40, verbose_name="subject number"
                            ),
                        ),
                        (
                            "number",
                            models.CharField(blank=True, max_length=40, verbose_name="number"),
                        ),
                        ("started_at", models.DateTimeField(verbose_name="started")),
                        ("due_at", models.DateTimeField(null=True, verbose_name="due")),
                        (
                            "state",
                            models.CharField(
                                default="running", max_length=12, verbose_name="state"
                            ),
                        ),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                        (
                            "ended_by",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="ended by",
                            ),
                        ),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="0169c97d456f1722aa2b109747a98e3218fc6bc6",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_23033",
                                    table="notices_escalationhistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="1d953a82611308ebe80d8fb03104a456fdcd76e4",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_a7d15",
                                    table="notices_escalationhistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="EscalationStep",
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
                            "escalation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="steps",
                                to="notices.escalation",
                                verbose_name="escalation",
                            ),
                        ),
                        ("rung", models.PositiveSmallIntegerField(verbose_name="rung")),
                        (
                            "round",
                            models.PositiveSmallIntegerField(default=0, verbose_name="round"),
                        ),
                        (
                            "who",
                            models.CharField(
                                choices=[
                                    ("on_call", "Investigator on call"),
                                    ("second_on_call", "Second investigator on call"),
                                    ("principal_investigator", "Principal investigator"),
                                    ("medical_monitor", "Medical monitor"),
                                    ("safety_officer", "Safety officer"),
                                    ("safety_team", "Safety officer and medical monitor"),
                                    ("deputies", "Deputies of safety officer and medical monitor"),
                                ],
                                max_length=30,
                                verbose_name="who",
                            ),
                        ),
                        ("due_at", models.DateTimeField(verbose_name="due")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "To come"),
                                    ("done", "Done"),
                                    ("skipped", "Not needed"),
                                ],
                                default="pending",
                                max_length=10,
                                verbose_name="state",
                            ),
                        ),
                        ("fired_at", models.DateTimeField(null=True, verbose_name="done")),
                        (
                            "told",
                            models.PositiveSmallIntegerField(default=0, verbose_name="people told"),
                        ),
                    ],
                    options={
                        "verbose_name": "step of an escalation",
                        "verbose_name_plural": "steps of escalations",
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                condition=models.Q(("state", "pending")),
                                name="step_due",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("escalation", "rung", "round"),
                                name="a_rung_is_told_once_a_round",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("state__in", ["pending", "done", "skipped"])),
                                name="escalation_step_state_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "who__in",
                                        [
                                            "on_call",
                                            "second_on_call",
                                            "principal_investigator",
                                            "medical_monitor",
                                            "safety_officer",
                                            "safety_team",
                                            "deputies",
                                        ],
                                    )
                                ),
                                name="escalation_step_names_known_people",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "done"), _negated=True),
                                    ("fired_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="a_step_that_is_done_says_when",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="89023450da3b1fa80bb67e42be64d5302bdc301b",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_d6467",
                                    table="notices_escalationstep",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationstephistory" ("created_at", "due_at", "escalation_id", "fired_at", "id", "round", "rung", "state", "told", "version", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."due_at", new_values."escalation_id", new_values."fired_at", new_values."id", new_values."round", new_values."rung", new_values."state", new_values."told", new_values."version", new_values."who", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalationstep\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="589260ac25f71b8c5e2c62ee9c63fbc2d34137d7",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_fa970",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_escalationstep",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationstephistory" ("created_at", "due_at", "escalation_id", "fired_at", "id", "round", "rung", "state", "told", "version", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."due_at", new_values."escalation_id", new_values."fired_at", new_values."id", new_values."round", new_values."rung", new_values."state", new_values."told", new_values."version", new_values."who", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalationstep\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="0b86b50028832e3eab5d625295d4359e17124eaa",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_444d9",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_escalationstep",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_escalationstephistory" ("created_at", "due_at", "escalation_id", "fired_at", "id", "round", "rung", "state", "told", "version", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."due_at", old_values."escalation_id", old_values."fired_at", old_values."id", old_values."round", old_values."rung", old_values."state", old_values."told", old_values."version", old_values."who", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_escalationstep\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="6022c1a62f5d6efcbe05cc2ace6122b39a592c8a",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_397c2",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_escalationstep",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EscalationStepHistory",
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
                                to="notices.escalationstep",
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
                            "escalation",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="notices.escalation",
                                verbose_name="escalation",
                            ),
                        ),
                        ("rung", models.PositiveSmallIntegerField(verbose_name="rung")),
                        (
                            "round",
                            models.PositiveSmallIntegerField(default=0, verbose_name="round"),
                        ),
                        ("who", models.CharField(max_length=30, verbose_name="who")),
                        ("due_at", models.DateTimeField(verbose_name="due")),
                        (
                            "state",
                            models.CharField(
                                default="pending", max_length=10, verbose_name="state"
                            ),
                        ),
                        ("fired_at", models.DateTimeField(null=True, verbose_name="done")),
                        (
                            "told",
                            models.PositiveSmallIntegerField(default=0, verbose_name="people told"),
                        ),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="a3fe7ba8e995643ba9e09ab6c31d171e5d78742e",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_e20f0",
                                    table="notices_escalationstephistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="b60030cac5e67d3c41da37d3764a486cfb86d491",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_b2136",
                                    table="notices_escalationstephistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="WatcherHeartbeat",
                    fields=[
                        (
                            "id",
                            models.PositiveSmallIntegerField(
                                default=1, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "swept_at",
                            models.DateTimeField(
                                db_default=models.Func(
                                    function="clock_timestamp", output_field=models.DateTimeField()
                                ),
                                verbose_name="last sweep",
                            ),
                        ),
                        (
                            "overdue",
                            models.PositiveIntegerField(
                                db_default=0, verbose_name="could not be done"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "sign of life of the watcher",
                        "verbose_name_plural": "signs of life of the watcher",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("id", 1)), name="there_is_one_active_watcher"
                            )
                        ],
                        "indexes": [],
                    },
                ),
                migrations.CreateModel(
                    name="NoticeCounter",
                    fields=[
                        (
                            "person",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                        ("last", models.BigIntegerField(default=0, verbose_name="last sequence")),
                    ],
                    options={
                        "verbose_name": "count of notices",
                        "verbose_name_plural": "counts of notices",
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="Notice",
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
                        ("sequence", models.BigIntegerField(verbose_name="sequence")),
                        ("kind", models.CharField(max_length=40, verbose_name="kind")),
                        (
                            "urgency",
                            models.CharField(
                                choices=[
                                    ("routine", "Routine"),
                                    ("urgent", "Urgent"),
                                    ("safety", "Safety"),
                                ],
                                max_length=10,
                                verbose_name="urgency",
                            ),
                        ),
                        ("resource", models.CharField(max_length=40, verbose_name="resource")),
                        ("record_id", models.UUIDField(verbose_name="record")),
                        (
                            "occasion",
                            models.CharField(blank=True, max_length=60, verbose_name="occasion"),
                        ),
                        ("trial_id", models.UUIDField(null=True, verbose_name="trial")),
                        ("site_id", models.UUIDField(null=True, verbose_name="site")),
                        ("patient_id", models.UUIDField(null=True, verbose_name="patient")),
                        (
                            "subject_number",
                            models.CharField(
                                blank=True, max_length=40, verbose_name="subject number"
                            ),
                        ),
                        (
                            "number",
                            models.CharField(blank=True, max_length=40, verbose_name="number"),
                        ),
                        ("due_at", models.DateTimeField(null=True, verbose_name="due")),
                        (
                            "escalation",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="notices.escalation",
                                verbose_name="escalation",
                            ),
                        ),
                        (
                            "stops_ladder",
                            models.BooleanField(
                                default=True, verbose_name="acknowledging it stops the ladder"
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="in place of",
                            ),
                        ),
                        (
                            "delivered_at",
                            models.DateTimeField(null=True, verbose_name="reached a screen"),
                        ),
                        ("seen_at", models.DateTimeField(null=True, verbose_name="seen")),
                        (
                            "acknowledged_at",
                            models.DateTimeField(null=True, verbose_name="acknowledged"),
                        ),
                        (
                            "acknowledged_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="acknowledged by",
                            ),
                        ),
                        ("comment", models.TextField(blank=True, verbose_name="comment")),
                    ],
                    options={
                        "verbose_name": "notice",
                        "verbose_name_plural": "notices",
                        "indexes": [
                            models.Index(
                                fields=["person", "-created_at", "-id"], name="notice_newest"
                            ),
                            models.Index(
                                models.F("person"),
                                models.OrderBy(models.F("acknowledged_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="notice_inbox",
                            ),
                            models.Index(fields=["resource", "record_id"], name="notice_of_record"),
                            models.Index(
                                fields=["trial_id", "-created_at", "-id"], name="notice_by_trial"
                            ),
                            models.Index(
                                fields=["site_id", "-created_at", "-id"], name="notice_by_site"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("person", "sequence"),
                                name="a_sequence_is_given_once_to_a_person",
                            ),
                            models.UniqueConstraint(
                                fields=("person", "kind", "resource", "record_id", "occasion"),
                                name="a_person_is_told_once_of_an_occasion",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("sequence__gt", 0)),
                                name="sequences_count_from_one",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "kind__in",
                                        [
                                            "adverse_event.serious",
                                            "adverse_event.follow_up",
                                            "clock.due",
                                            "clock.overdue",
                                            "alert.raised",
                                            "submission.quarantined",
                                            "query.opened",
                                            "diary.missed",
                                            "signature.needed",
                                            "access.changed",
                                            "report.ready",
                                        ],
                                    )
                                ),
                                name="notice_kind_is_declared",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("urgency__in", ["routine", "urgent", "safety"])
                                ),
                                name="notice_urgency_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("acknowledged_at__isnull", True),
                                        ("acknowledged_by__isnull", True),
                                    ),
                                    models.Q(
                                        ("acknowledged_at__isnull", False),
                                        ("acknowledged_by__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="a_notice_is_acknowledged_by_somebody",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("comment", ""),
                                    ("acknowledged_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="a_comment_comes_with_acknowledging",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="live_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'notice', '00000000-0000-0000-0000-000000000000'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, array_agg(r.id), clock_timestamp()\n        FROM new_values r HAVING count(*) > 0;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ",
                                    hash="74b28009efbc9f1080da552b60a22d186f41bf6f",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_live_insert_5ff54",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_notice",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="live_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'notice', '00000000-0000-0000-0000-000000000000'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, array_agg(r.id), clock_timestamp()\n        FROM new_values r JOIN old_values o ON o.id = r.id WHERE o.version <> r.version HAVING count(*) > 0;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ",
                                    hash="6b085f756f46848c3418c9c53a4bfed1fc2006f8",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_live_update_82e72",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_notice",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_noticehistory" ("acknowledged_at", "acknowledged_by_id", "comment", "created_at", "delivered_at", "due_at", "escalation_id", "id", "kind", "number", "occasion", "on_behalf_of_id", "patient_id", "person_id", "record_id", "resource", "seen_at", "sequence", "site_id", "stops_ladder", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."acknowledged_at", new_values."acknowledged_by_id", new_values."comment", new_values."created_at", new_values."delivered_at", new_values."due_at", new_values."escalation_id", new_values."id", new_values."kind", new_values."number", new_values."occasion", new_values."on_behalf_of_id", new_values."patient_id", new_values."person_id", new_values."record_id", new_values."resource", new_values."seen_at", new_values."sequence", new_values."site_id", new_values."stops_ladder", new_values."subject_number", new_values."trial_id", new_values."urgency", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_notice\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="0fb7788fa6e55cfc44a25ea456ed59ee2c93fbce",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_44969",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_notice",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_noticehistory" ("acknowledged_at", "acknowledged_by_id", "comment", "created_at", "delivered_at", "due_at", "escalation_id", "id", "kind", "number", "occasion", "on_behalf_of_id", "patient_id", "person_id", "record_id", "resource", "seen_at", "sequence", "site_id", "stops_ladder", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."acknowledged_at", new_values."acknowledged_by_id", new_values."comment", new_values."created_at", new_values."delivered_at", new_values."due_at", new_values."escalation_id", new_values."id", new_values."kind", new_values."number", new_values."occasion", new_values."on_behalf_of_id", new_values."patient_id", new_values."person_id", new_values."record_id", new_values."resource", new_values."seen_at", new_values."sequence", new_values."site_id", new_values."stops_ladder", new_values."subject_number", new_values."trial_id", new_values."urgency", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_notice\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="0979f826b882aa9a5bc7d38b10ebb7b0f9adecee",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_0f9bc",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_notice",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_noticehistory" ("acknowledged_at", "acknowledged_by_id", "comment", "created_at", "delivered_at", "due_at", "escalation_id", "id", "kind", "number", "occasion", "on_behalf_of_id", "patient_id", "person_id", "record_id", "resource", "seen_at", "sequence", "site_id", "stops_ladder", "subject_number", "trial_id", "urgency", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."acknowledged_at", old_values."acknowledged_by_id", old_values."comment", old_values."created_at", old_values."delivered_at", old_values."due_at", old_values."escalation_id", old_values."id", old_values."kind", old_values."number", old_values."occasion", old_values."on_behalf_of_id", old_values."patient_id", old_values."person_id", old_values."record_id", old_values."resource", old_values."seen_at", old_values."sequence", old_values."site_id", old_values."stops_ladder", old_values."subject_number", old_values."trial_id", old_values."urgency", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_notice\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="90fb09d207aaee69ceba2dcbee0ad230e4de5cd3",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_e6f4d",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_notice",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF (NEW.id, NEW.person_id, NEW.sequence) <> (OLD.id, OLD.person_id, OLD.sequence) THEN RAISE EXCEPTION 'whom a notice tells, and its place, never change' USING ERRCODE = 'check_violation'; END IF; IF NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at THEN NEW.version := OLD.version + 1; END IF; RETURN NEW;",
                                    hash="f92c2b29286c190b1108ea82c6b3b216f63bd738",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_c1f92",
                                    table="notices_notice",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="NoticeHistory",
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
                                to="notices.notice",
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
                        ("sequence", models.BigIntegerField(verbose_name="sequence")),
                        ("kind", models.CharField(max_length=40, verbose_name="kind")),
                        ("urgency", models.CharField(max_length=10, verbose_name="urgency")),
                        ("resource", models.CharField(max_length=40, verbose_name="resource")),
                        ("record_id", models.UUIDField(verbose_name="record")),
                        (
                            "occasion",
                            models.CharField(blank=True, max_length=60, verbose_name="occasion"),
                        ),
                        ("trial_id", models.UUIDField(null=True, verbose_name="trial")),
                        ("site_id", models.UUIDField(null=True, verbose_name="site")),
                        ("patient_id", models.UUIDField(null=True, verbose_name="patient")),
                        (
                            "subject_number",
                            models.CharField(
                                blank=True, max_length=40, verbose_name="subject number"
                            ),
                        ),
                        (
                            "number",
                            models.CharField(blank=True, max_length=40, verbose_name="number"),
                        ),
                        ("due_at", models.DateTimeField(null=True, verbose_name="due")),
                        (
                            "escalation",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="notices.escalation",
                                verbose_name="escalation",
                            ),
                        ),
                        (
                            "stops_ladder",
                            models.BooleanField(
                                default=True, verbose_name="acknowledging it stops the ladder"
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="in place of",
                            ),
                        ),
                        (
                            "delivered_at",
                            models.DateTimeField(null=True, verbose_name="reached a screen"),
                        ),
                        ("seen_at", models.DateTimeField(null=True, verbose_name="seen")),
                        (
                            "acknowledged_at",
                            models.DateTimeField(null=True, verbose_name="acknowledged"),
                        ),
                        (
                            "acknowledged_by",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="acknowledged by",
                            ),
                        ),
                        ("comment", models.TextField(blank=True, verbose_name="comment")),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="093a34ef8810861b649a9ee1e4e9f268f9f3a209",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_2b7d6",
                                    table="notices_noticehistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="3c96d2ae0aff4d1d9e5af92f3820bc1de382ab7c",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_6f8e8",
                                    table="notices_noticehistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="Preference",
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
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                        ("email", models.BooleanField(default=True, verbose_name="e-mail")),
                        ("push", models.BooleanField(default=True, verbose_name="web push")),
                        ("digest", models.BooleanField(default=True, verbose_name="daily digest")),
                        (
                            "digest_at",
                            models.TimeField(default=datetime.time(8, 0), verbose_name="digest at"),
                        ),
                        (
                            "quiet_from",
                            models.TimeField(blank=True, null=True, verbose_name="quiet from"),
                        ),
                        (
                            "quiet_until",
                            models.TimeField(blank=True, null=True, verbose_name="quiet until"),
                        ),
                        (
                            "time_zone",
                            models.CharField(
                                default="UTC",
                                help_text="IANA time zone",
                                max_length=64,
                                verbose_name="time zone",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "preference",
                        "verbose_name_plural": "preferences",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("quiet_from__isnull", True), ("quiet_until__isnull", True)
                                    ),
                                    models.Q(
                                        ("quiet_from__isnull", False),
                                        ("quiet_until__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="quiet_hours_begin_and_end",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="08915a6d7e8c3d82a865390b49b5f9e8d12898ba",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_aa6ca",
                                    table="notices_preference",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_preferencehistory" ("created_at", "digest", "digest_at", "email", "id", "person_id", "push", "quiet_from", "quiet_until", "time_zone", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."digest", new_values."digest_at", new_values."email", new_values."id", new_values."person_id", new_values."push", new_values."quiet_from", new_values."quiet_until", new_values."time_zone", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_preference\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="c1b2e57449faddbc1f9590a648cd54c704bf87fa",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_b1b9a",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_preference",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_preferencehistory" ("created_at", "digest", "digest_at", "email", "id", "person_id", "push", "quiet_from", "quiet_until", "time_zone", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."digest", new_values."digest_at", new_values."email", new_values."id", new_values."person_id", new_values."push", new_values."quiet_from", new_values."quiet_until", new_values."time_zone", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_preference\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="c975a02e17aa91db9b3460967cc4abbf35e475f9",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_7403c",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_preference",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_preferencehistory" ("created_at", "digest", "digest_at", "email", "id", "person_id", "push", "quiet_from", "quiet_until", "time_zone", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."digest", old_values."digest_at", old_values."email", old_values."id", old_values."person_id", old_values."push", old_values."quiet_from", old_values."quiet_until", old_values."time_zone", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_preference\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="b111a1e98e09f3c5311a98b467c61987e9c7de4e",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_0611e",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_preference",
                                    when="AFTER",
                                ),
                            ),
                        ],
                        "indexes": [],
                    },
                ),
                migrations.CreateModel(
                    name="PreferenceHistory",
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
                                to="notices.preference",
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
                        ("email", models.BooleanField(default=True, verbose_name="e-mail")),
                        ("push", models.BooleanField(default=True, verbose_name="web push")),
                        ("digest", models.BooleanField(default=True, verbose_name="daily digest")),
                        (
                            "digest_at",
                            models.TimeField(default=datetime.time(8, 0), verbose_name="digest at"),
                        ),
                        (
                            "quiet_from",
                            models.TimeField(blank=True, null=True, verbose_name="quiet from"),
                        ),
                        (
                            "quiet_until",
                            models.TimeField(blank=True, null=True, verbose_name="quiet until"),
                        ),
                        (
                            "time_zone",
                            models.CharField(
                                default="UTC", max_length=64, verbose_name="time zone"
                            ),
                        ),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="a807eb933d5a0b38d55162e8e618927acc3f7ac7",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_eee67",
                                    table="notices_preferencehistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="a4c5331a8c3e4d0c8aa2de57e62c28ba1559c20d",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_ce0c0",
                                    table="notices_preferencehistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="Absence",
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
                            "deputy",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="deputy",
                            ),
                        ),
                        ("from_at", models.DateTimeField(verbose_name="from")),
                        ("to_at", models.DateTimeField(verbose_name="until")),
                    ],
                    options={
                        "verbose_name": "absence",
                        "verbose_name_plural": "absences",
                        "indexes": [
                            models.Index(fields=["person", "to_at"], name="absence_of"),
                            models.Index(fields=["deputy", "to_at"], name="absence_deputy"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("deputy", models.F("person")), _negated=True),
                                name="nobody_stands_in_for_themselves",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("to_at__gte", models.F("from_at"))),
                                name="an_absence_ends_after_it_begins",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="1c26e873ac7b111427fddcc855e36c35801977cd",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_f921b",
                                    table="notices_absence",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_absencehistory" ("created_at", "deputy_id", "from_at", "id", "person_id", "to_at", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."deputy_id", new_values."from_at", new_values."id", new_values."person_id", new_values."to_at", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_absence\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="8fd1338cf018650e6a8443ccd3f0e9699bdebb8e",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_7e5bc",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="notices_absence",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_absencehistory" ("created_at", "deputy_id", "from_at", "id", "person_id", "to_at", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."deputy_id", new_values."from_at", new_values."id", new_values."person_id", new_values."to_at", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_absence\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="26e6d89205d4a8c43e88d1f90524df429a0f987e",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_f3120",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="notices_absence",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "notices_absencehistory" ("created_at", "deputy_id", "from_at", "id", "person_id", "to_at", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."deputy_id", old_values."from_at", old_values."id", old_values."person_id", old_values."to_at", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'notices_absence\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="80304bc9687f44d4f045586ad6abf41e829cb007",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_d7fc7",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="notices_absence",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AbsenceHistory",
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
                                to="notices.absence",
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
                            "deputy",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="deputy",
                            ),
                        ),
                        ("from_at", models.DateTimeField(verbose_name="from")),
                        ("to_at", models.DateTimeField(verbose_name="until")),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="88e482f4dfc336fc71a237a796dbfca5760f1585",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_71b2a",
                                    table="notices_absencehistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="b7b45978f2d6cb73ef7fda6a91e855d4703b881b",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_0ecb4",
                                    table="notices_absencehistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="Dispatch",
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
                        (
                            "notice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="dispatches",
                                to="notices.notice",
                                verbose_name="notice",
                            ),
                        ),
                        (
                            "way",
                            models.CharField(
                                choices=[
                                    ("email", "E-mail"),
                                    ("push", "Web push"),
                                    ("digest", "Daily digest"),
                                ],
                                max_length=10,
                                verbose_name="way",
                            ),
                        ),
                        (
                            "round",
                            models.PositiveSmallIntegerField(default=0, verbose_name="round"),
                        ),
                        ("due_at", models.DateTimeField(verbose_name="due")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "Waiting"),
                                    ("done", "Handed over"),
                                    ("dropped", "Not sent"),
                                ],
                                default="pending",
                                max_length=10,
                                verbose_name="state",
                            ),
                        ),
                        (
                            "attempts",
                            models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
                        ),
                        (
                            "leased_until",
                            models.DateTimeField(null=True, verbose_name="in hand until"),
                        ),
                    ],
                    options={
                        "verbose_name": "letter on its way",
                        "verbose_name_plural": "letters on their way",
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                condition=models.Q(("state", "pending")),
                                name="dispatch_due",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("notice", "way", "round"),
                                name="a_notice_leaves_once_a_round_by_each_way",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("way__in", ["email", "push", "digest"])),
                                name="dispatch_way_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("state__in", ["pending", "done", "dropped"])),
                                name="dispatch_state_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state", "pending"),
                                    ("leased_until__isnull", True),
                                    _connector="OR",
                                ),
                                name="only_a_waiting_letter_is_in_hand",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="NoticeSending",
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
                        (
                            "sequence",
                            models.BigIntegerField(
                                db_column="pgh_id", db_default=0, editable=False, unique=True
                            ),
                        ),
                        (
                            "recorded_at",
                            models.DateTimeField(
                                db_column="pgh_created_at",
                                db_default=django.db.models.functions.datetime.Now(),
                                editable=False,
                            ),
                        ),
                        (
                            "transaction_id",
                            portal.core.history.TransactionIdField(editable=False, null=True),
                        ),
                        (
                            "notice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sendings",
                                to="notices.notice",
                                verbose_name="notice",
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[
                                    ("email", "E-mail"),
                                    ("push", "Web push"),
                                    ("digest", "Daily digest"),
                                ],
                                max_length=10,
                                verbose_name="channel",
                            ),
                        ),
                        ("attempt", models.PositiveSmallIntegerField(verbose_name="attempt")),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("sent", "sent"),
                                    ("failed", "failed"),
                                    ("refused", "refused"),
                                    ("no_address", "no_address"),
                                ],
                                max_length=12,
                                verbose_name="outcome",
                            ),
                        ),
                        (
                            "provider",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="provider's answer"
                            ),
                        ),
                        (
                            "message_id",
                            models.CharField(blank=True, max_length=200, verbose_name="message id"),
                        ),
                        ("at", models.DateTimeField(verbose_name="at")),
                    ],
                    options={
                        "verbose_name": "sending of a notice",
                        "verbose_name_plural": "sendings of notices",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("channel__in", ["email", "push", "digest"])),
                                name="sending_channel_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("outcome__in", ["sent", "failed", "refused", "no_address"])
                                ),
                                name="sending_outcome_is_known",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="stamped_by_the_database",
                                sql=portal.core.append_only.StampSql(
                                    func="NEW.transaction_id := pg_catalog.pg_current_xact_id(); NEW.pgh_id := pg_catalog.nextval('audit.history_id'::pg_catalog.regclass); NEW.pgh_created_at := pg_catalog.clock_timestamp(); RETURN NEW;",
                                    hash="7947fb092b87d5f6efa3b4c4257603a59a4340bb",
                                    operation="INSERT",
                                    pgid="pgtrigger_stamped_by_the_database_336f1",
                                    table="notices_noticesending",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="stays_as_written",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'these rows are written once' USING ERRCODE = 'insufficient_privilege';",
                                    hash="52934801369207ee834a9f07ff5f7cabf7e86715",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_stays_as_written_97e61",
                                    table="notices_noticesending",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                    },
                ),
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
