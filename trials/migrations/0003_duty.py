"""Ladders, their rungs, and the rosters of who is on duty."""

import datetime

import django.contrib.postgres.fields
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
import trials.models.duty


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_notices"),
        ("trials", "0002_never_deleted"),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name="Ladder",
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
                            "trial",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trials.trial",
                                verbose_name="trial",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trials.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[("medical", "Medical"), ("regulatory", "Regulatory")],
                                max_length=12,
                                verbose_name="kind",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "ladder",
                        "verbose_name_plural": "ladders",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("trial", "site", "kind"),
                                name="a_place_has_one_ladder_of_each_kind",
                                nulls_distinct=False,
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", ["medical", "regulatory"])),
                                name="ladder_kind_is_known",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="5816c2106625fc7518dddec59bb64aafceb2255b",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_78b2d",
                                    table="trials_ladder",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderhistory" ("created_at", "id", "kind", "site_id", "trial_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."id", new_values."kind", new_values."site_id", new_values."trial_id", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladder\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="7acb3c89e30a1439c75c363dbaa42041c15e69b6",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_b82a9",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="trials_ladder",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderhistory" ("created_at", "id", "kind", "site_id", "trial_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."id", new_values."kind", new_values."site_id", new_values."trial_id", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladder\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="9c6b4dbc41390290ce6d44d4bdb2e9aed8422a25",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_ded8e",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="trials_ladder",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderhistory" ("created_at", "id", "kind", "site_id", "trial_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."id", old_values."kind", old_values."site_id", old_values."trial_id", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladder\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="c7ed650848c33bb060b200e2b6604d15e631efca",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_7e9e2",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="trials_ladder",
                                    when="AFTER",
                                ),
                            ),
                        ],
                        "indexes": [],
                    },
                ),
                migrations.CreateModel(
                    name="LadderHistory",
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
                                to="trials.ladder",
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
                            "trial",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="trials.trial",
                                verbose_name="trial",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                blank=True,
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="trials.site",
                                verbose_name="site",
                            ),
                        ),
                        ("kind", models.CharField(max_length=12, verbose_name="kind")),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="9e782dffa6193854aac77dab0d1df099ceb5cdec",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_ec190",
                                    table="trials_ladderhistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="6ad485573c755bfa21b56e5351f3705406eada2f",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_a2aac",
                                    table="trials_ladderhistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="LadderRung",
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
                            "ladder",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rungs",
                                to="trials.ladder",
                                verbose_name="ladder",
                            ),
                        ),
                        ("order", models.PositiveSmallIntegerField(verbose_name="order")),
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
                        (
                            "wait_minutes",
                            models.PositiveSmallIntegerField(verbose_name="wait (min)"),
                        ),
                        (
                            "repeat_every_minutes",
                            models.PositiveSmallIntegerField(
                                default=0, verbose_name="repeat every (min)"
                            ),
                        ),
                        (
                            "most_repeats",
                            models.PositiveSmallIntegerField(
                                default=0, verbose_name="most repeats"
                            ),
                        ),
                        ("is_in_use", models.BooleanField(default=True, verbose_name="in use")),
                    ],
                    options={
                        "verbose_name": "rung of a ladder",
                        "verbose_name_plural": "rungs of ladders",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("ladder", "order"), name="a_ladder_has_one_rung_at_a_place"
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
                                name="a_rung_names_known_people",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("wait_minutes__range", (1, 1440))),
                                name="a_rung_waits_at_most_a_day",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("most_repeats", 0),
                                    ("repeat_every_minutes__gte", 1),
                                    _connector="OR",
                                ),
                                name="repeats_are_minutes_apart",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="0f080f0d37f2469eeb2f40edc7873b3628f0fba5",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_6dffd",
                                    table="trials_ladderrung",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderrunghistory" ("created_at", "id", "is_in_use", "ladder_id", "most_repeats", "order", "repeat_every_minutes", "version", "wait_minutes", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."id", new_values."is_in_use", new_values."ladder_id", new_values."most_repeats", new_values."order", new_values."repeat_every_minutes", new_values."version", new_values."wait_minutes", new_values."who", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladderrung\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="c8bacb4d054f6ced340939e711a5704a4eb1c5f1",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_3e0c2",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="trials_ladderrung",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderrunghistory" ("created_at", "id", "is_in_use", "ladder_id", "most_repeats", "order", "repeat_every_minutes", "version", "wait_minutes", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."id", new_values."is_in_use", new_values."ladder_id", new_values."most_repeats", new_values."order", new_values."repeat_every_minutes", new_values."version", new_values."wait_minutes", new_values."who", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladderrung\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="e048c1763caf4711dc857c4007a3e5c16a1745d3",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_05ba7",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="trials_ladderrung",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_ladderrunghistory" ("created_at", "id", "is_in_use", "ladder_id", "most_repeats", "order", "repeat_every_minutes", "version", "wait_minutes", "who", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."id", old_values."is_in_use", old_values."ladder_id", old_values."most_repeats", old_values."order", old_values."repeat_every_minutes", old_values."version", old_values."wait_minutes", old_values."who", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_ladderrung\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="70e3faaf850c369cd40de83dac99cd093838c108",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_9bd67",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="trials_ladderrung",
                                    when="AFTER",
                                ),
                            ),
                        ],
                        "indexes": [],
                    },
                ),
                migrations.CreateModel(
                    name="LadderRungHistory",
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
                                to="trials.ladderrung",
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
                            "ladder",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="trials.ladder",
                                verbose_name="ladder",
                            ),
                        ),
                        ("order", models.PositiveSmallIntegerField(verbose_name="order")),
                        ("who", models.CharField(max_length=30, verbose_name="who")),
                        (
                            "wait_minutes",
                            models.PositiveSmallIntegerField(verbose_name="wait (min)"),
                        ),
                        (
                            "repeat_every_minutes",
                            models.PositiveSmallIntegerField(
                                default=0, verbose_name="repeat every (min)"
                            ),
                        ),
                        (
                            "most_repeats",
                            models.PositiveSmallIntegerField(
                                default=0, verbose_name="most repeats"
                            ),
                        ),
                        ("is_in_use", models.BooleanField(default=True, verbose_name="in use")),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="0043946f30a0c30404a5d64a4926b4a4ba1c805a",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_2f8f1",
                                    table="trials_ladderrunghistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="c931bfdd7b617595473be8bf2b9222b84e02e2b6",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_8d172",
                                    table="trials_ladderrunghistory",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                        "indexes": [],
                        "constraints": [],
                    },
                ),
                migrations.CreateModel(
                    name="RosterShift",
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
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trials.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "line",
                            models.CharField(
                                choices=[("first", "First"), ("second", "Second")],
                                default="first",
                                max_length=10,
                                verbose_name="line",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                        ("phone", models.CharField(max_length=40, verbose_name="telephone")),
                        (
                            "weekdays",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.PositiveSmallIntegerField(),
                                default=trials.models.duty.every_day,
                                size=None,
                                verbose_name="days of the week",
                            ),
                        ),
                        (
                            "from_time",
                            models.TimeField(default=datetime.time(0, 0), verbose_name="from"),
                        ),
                        (
                            "to_time",
                            models.TimeField(default=datetime.time(0, 0), verbose_name="until"),
                        ),
                        ("from_on", models.DateField(verbose_name="first day")),
                        ("to_on", models.DateField(blank=True, null=True, verbose_name="last day")),
                    ],
                    options={
                        "verbose_name": "shift of a roster",
                        "verbose_name_plural": "shifts of rosters",
                        "indexes": [models.Index(fields=["site", "line"], name="shift_of_site")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("line__in", ["first", "second"])),
                                name="duty_line_is_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("from_on__isnull", True),
                                    ("to_on__isnull", True),
                                    ("from_on__lte", models.F("to_on")),
                                    _connector="OR",
                                ),
                                name="a_shift_ends_after_it_begins",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("weekdays__len__gte", 1),
                                    ("weekdays__contained_by", [1, 2, 3, 4, 5, 6, 7]),
                                ),
                                name="a_shift_has_days_of_the_week",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="count_versions",
                                sql=portal.core.triggers.GuardedRowTriggerSql(
                                    func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;",
                                    hash="e6ac17815b2fbdfb617a1bfea1f311539fb64835",
                                    operation="UPDATE",
                                    pgid="pgtrigger_count_versions_991b9",
                                    table="trials_rostershift",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="insert_insert",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_rostershifthistory" ("created_at", "from_on", "from_time", "id", "line", "person_id", "phone", "site_id", "to_on", "to_time", "version", "weekdays", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."from_on", new_values."from_time", new_values."id", new_values."line", new_values."person_id", new_values."phone", new_values."site_id", new_values."to_on", new_values."to_time", new_values."version", new_values."weekdays", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_rostershift\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;',
                                    hash="97ae07569705af1802b30424cbdb0f8289566ce9",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_insert_insert_8e83c",
                                    referencing="REFERENCING NEW TABLE AS new_values ",
                                    table="trials_rostershift",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="update_update",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_rostershifthistory" ("created_at", "from_on", "from_time", "id", "line", "person_id", "phone", "site_id", "to_on", "to_time", "version", "weekdays", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."from_on", new_values."from_time", new_values."id", new_values."line", new_values."person_id", new_values."phone", new_values."site_id", new_values."to_on", new_values."to_time", new_values."version", new_values."weekdays", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_rostershift\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;',
                                    hash="85a7750c47423a37292d17c9d4eca39263a9e732",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_update_update_4510a",
                                    referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                                    table="trials_rostershift",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="delete_delete",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func='INSERT INTO "trials_rostershifthistory" ("created_at", "from_on", "from_time", "id", "line", "person_id", "phone", "site_id", "to_on", "to_time", "version", "weekdays", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."from_on", old_values."from_time", old_values."id", old_values."line", old_values."person_id", old_values."phone", old_values."site_id", old_values."to_on", old_values."to_time", old_values."version", old_values."weekdays", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'trials_rostershift\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;',
                                    hash="99ba9ffc2d403fe143a2fb77284125ed3ae58717",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_delete_delete_76640",
                                    referencing="REFERENCING OLD TABLE AS old_values ",
                                    table="trials_rostershift",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RosterShiftHistory",
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
                                to="trials.rostershift",
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
                            "site",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="trials.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "line",
                            models.CharField(default="first", max_length=10, verbose_name="line"),
                        ),
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
                        ("phone", models.CharField(max_length=40, verbose_name="telephone")),
                        (
                            "weekdays",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.PositiveSmallIntegerField(),
                                default=trials.models.duty.every_day,
                                size=None,
                                verbose_name="days of the week",
                            ),
                        ),
                        (
                            "from_time",
                            models.TimeField(default=datetime.time(0, 0), verbose_name="from"),
                        ),
                        (
                            "to_time",
                            models.TimeField(default=datetime.time(0, 0), verbose_name="until"),
                        ),
                        ("from_on", models.DateField(verbose_name="first day")),
                        ("to_on", models.DateField(blank=True, null=True, verbose_name="last day")),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="written_by_triggers_only",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;",
                                    hash="2002d99ee3257c38a504cf752503cddaa3466046",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_written_by_triggers_only_14620",
                                    table="trials_rostershifthistory",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="history_never_changes",
                                sql=portal.core.triggers.GuardedTriggerSql(
                                    func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';",
                                    hash="2c203a7ccb05544921d635ee1440fc4ee6361401",
                                    level="STATEMENT",
                                    operation="UPDATE OR DELETE OR TRUNCATE",
                                    pgid="pgtrigger_history_never_changes_eb27a",
                                    table="trials_rostershifthistory",
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
