"""The tables of this app, with their constraints and history from the first day."""

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import portal.core.clock
import portal.core.history
import portal.core.ids
import portal.core.operations
import portal.core.triggers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_service_accounts'),
        ('live', '0001_initial'),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='ReportUpload',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='uploaded by')),
                        ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                        ('size', models.BigIntegerField(verbose_name='size in bytes')),
                        ('expires_at', models.DateTimeField(verbose_name='kept until')),
                    ],
                    options={
                        'verbose_name': 'uploaded file',
                        'verbose_name_plural': 'uploaded files',
                        'constraints': [models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='an_uploaded_file_has_content'), models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='an_upload_has_its_digest')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reportuploadhistory" ("created_at", "expires_at", "id", "sha256", "size", "uploaded_by_id", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."expires_at", new_values."id", new_values."sha256", new_values."size", new_values."uploaded_by_id", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_reportupload\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;', hash='80ab471f50271a04b53f973e87e630f7cc579a65', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_4dc9e', referencing='REFERENCING NEW TABLE AS new_values ', table='documents_reportupload', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reportuploadhistory" ("created_at", "expires_at", "id", "sha256", "size", "uploaded_by_id", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."expires_at", new_values."id", new_values."sha256", new_values."size", new_values."uploaded_by_id", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_reportupload\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;', hash='c3af23affc1ca7daba56612e7d6bcb6dc83659fd', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_f867a', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='documents_reportupload', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reportuploadhistory" ("created_at", "expires_at", "id", "sha256", "size", "uploaded_by_id", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."expires_at", old_values."id", old_values."sha256", old_values."size", old_values."uploaded_by_id", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_reportupload\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;', hash='c4c9e38abe30bf6db040d4d2af32c5118332525d', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_b024d', referencing='REFERENCING OLD TABLE AS old_values ', table='documents_reportupload', when='AFTER'))],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='ReportUploadHistory',
                    fields=[
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('pgh_id', models.BigIntegerField(db_default=django.db.models.expressions.RawSQL("nextval('audit.history_id')", ()), primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField()),
                        ('transaction_id', portal.core.history.TransactionIdField()),
                        ('acted_by', models.UUIDField()),
                        ('acted_role', models.TextField()),
                        ('acted_organization', models.TextField()),
                        ('acted_reason', models.TextField()),
                        ('acted_source', models.TextField()),
                        ('acted_request_id', models.TextField()),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='documents.reportupload')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('uploaded_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='uploaded by')),
                        ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                        ('size', models.BigIntegerField(verbose_name='size in bytes')),
                        ('expires_at', models.DateTimeField(verbose_name='kept until')),
                    ],
                    options={
                        'abstract': False,
                        'triggers': [pgtrigger.compiler.Trigger(name='written_by_triggers_only', sql=portal.core.triggers.GuardedTriggerSql(func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;", hash='418e7877b3c42ba1448d8d34e3791156aa205246', level='STATEMENT', operation='INSERT', pgid='pgtrigger_written_by_triggers_only_5ec92', table='documents_reportuploadhistory', when='BEFORE')), pgtrigger.compiler.Trigger(name='history_never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';", hash='f8ba9630894828ef8786b77bb850190d64b3f197', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_history_never_changes_c18b0', table='documents_reportuploadhistory', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='Report',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('kind', models.CharField(max_length=40, verbose_name='kind')),
                        ('parameters', models.JSONField(default=dict, verbose_name='parameters')),
                        ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked for by')),
                        ('upload', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='documents.reportupload', verbose_name='file')),
                        ('trial_id', models.UUIDField(null=True, verbose_name='trial')),
                        ('state', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('finished', 'finished'), ('failed', 'failed'), ('canceled', 'canceled')], default='queued', max_length=20, verbose_name='state')),
                        ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                        ('held', models.JSONField(default=dict)),
                        ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                        ('finished_at', models.DateTimeField(null=True, verbose_name='ended')),
                        ('failure_code', models.CharField(blank=True, max_length=60)),
                        ('failure', models.TextField(blank=True, verbose_name='why it failed')),
                        ('content_type', models.CharField(blank=True, max_length=100, verbose_name='content type')),
                        ('extension', models.CharField(blank=True, max_length=10)),
                        ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                        ('size', models.BigIntegerField(null=True, verbose_name='size in bytes')),
                        ('expires_at', models.DateTimeField(null=True, verbose_name='file kept until')),
                        ('cancel_requested_at', models.DateTimeField(null=True, verbose_name='canceled')),
                        ('cancel_requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='canceled by')),
                    ],
                    options={
                        'verbose_name': 'report',
                        'verbose_name_plural': 'reports',
                        'abstract': False,
                        'indexes': [models.Index(models.F('requested_by'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='report_of_person'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='report_newest'), models.Index(models.F('created_at'), models.F('id'), condition=models.Q(('state__in', ['queued', 'running'])), name='report_open')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'canceled'])), name='report_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ['queued', 'running'])), models.Q(('finished_at__isnull', False), ('state__in', ['finished', 'failed', 'canceled'])), _connector='OR'), name='a_report_is_open_or_ended'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['running', 'finished']), _negated=True), ('started_at__isnull', False), _connector='OR'), name='a_report_that_ran_was_started'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), models.Q(('failure_code', ''), _negated=True)), models.Q(models.Q(('state', 'failed'), _negated=True), ('failure', ''), ('failure_code', '')), _connector='OR'), name='a_report_says_why_it_failed'), models.CheckConstraint(condition=models.Q(models.Q(('expires_at__isnull', True), ('sha256', ''), ('size__isnull', True)), models.Q(('expires_at__isnull', False), ('sha256__regex', '^[0-9a-f]{64}$'), ('size__gte', 0), ('state', 'finished')), _connector='OR'), name='only_a_finished_report_has_a_file'), models.CheckConstraint(condition=models.Q(models.Q(('cancel_requested_at__isnull', True), ('cancel_requested_by__isnull', True)), models.Q(('cancel_requested_at__isnull', False), ('cancel_requested_by__isnull', False)), _connector='OR'), name='report_canceled_by_and_at'), models.CheckConstraint(condition=models.Q(('started_at__isnull', True), ('finished_at__isnull', True), ('started_at__lte', models.F('finished_at')), _connector='OR'), name='a_report_ends_after_it_began')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reporthistory" ("attempts", "cancel_requested_at", "cancel_requested_by_id", "content_type", "created_at", "expires_at", "extension", "failure", "failure_code", "finished_at", "id", "kind", "parameters", "requested_by_id", "sha256", "size", "started_at", "state", "trial_id", "upload_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."attempts", new_values."cancel_requested_at", new_values."cancel_requested_by_id", new_values."content_type", new_values."created_at", new_values."expires_at", new_values."extension", new_values."failure", new_values."failure_code", new_values."finished_at", new_values."id", new_values."kind", new_values."parameters", new_values."requested_by_id", new_values."sha256", new_values."size", new_values."started_at", new_values."state", new_values."trial_id", new_values."upload_id", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_report\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;', hash='70e5d192437508b1c3f5a946a44e591a0edd5608', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_3d041', referencing='REFERENCING NEW TABLE AS new_values ', table='documents_report', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reporthistory" ("attempts", "cancel_requested_at", "cancel_requested_by_id", "content_type", "created_at", "expires_at", "extension", "failure", "failure_code", "finished_at", "id", "kind", "parameters", "requested_by_id", "sha256", "size", "started_at", "state", "trial_id", "upload_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."attempts", new_values."cancel_requested_at", new_values."cancel_requested_by_id", new_values."content_type", new_values."created_at", new_values."expires_at", new_values."extension", new_values."failure", new_values."failure_code", new_values."finished_at", new_values."id", new_values."kind", new_values."parameters", new_values."requested_by_id", new_values."sha256", new_values."size", new_values."started_at", new_values."state", new_values."trial_id", new_values."upload_id", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_report\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."attempts" IS DISTINCT FROM (new_values."attempts") OR old_values."cancel_requested_at" IS DISTINCT FROM (new_values."cancel_requested_at") OR old_values."cancel_requested_by_id" IS DISTINCT FROM (new_values."cancel_requested_by_id") OR old_values."content_type" IS DISTINCT FROM (new_values."content_type") OR old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."expires_at" IS DISTINCT FROM (new_values."expires_at") OR old_values."extension" IS DISTINCT FROM (new_values."extension") OR old_values."failure" IS DISTINCT FROM (new_values."failure") OR old_values."failure_code" IS DISTINCT FROM (new_values."failure_code") OR old_values."finished_at" IS DISTINCT FROM (new_values."finished_at") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."kind" IS DISTINCT FROM (new_values."kind") OR old_values."parameters" IS DISTINCT FROM (new_values."parameters") OR old_values."requested_by_id" IS DISTINCT FROM (new_values."requested_by_id") OR old_values."sha256" IS DISTINCT FROM (new_values."sha256") OR old_values."size" IS DISTINCT FROM (new_values."size") OR old_values."started_at" IS DISTINCT FROM (new_values."started_at") OR old_values."state" IS DISTINCT FROM (new_values."state") OR old_values."trial_id" IS DISTINCT FROM (new_values."trial_id") OR old_values."upload_id" IS DISTINCT FROM (new_values."upload_id") OR old_values."version" IS DISTINCT FROM (new_values."version"))) AS new_values; RETURN NULL;', hash='c6c9c3f8134f278c16be172c4fdb9bfe01ddf715', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_2610d', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='documents_report', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "documents_reporthistory" ("attempts", "cancel_requested_at", "cancel_requested_by_id", "content_type", "created_at", "expires_at", "extension", "failure", "failure_code", "finished_at", "id", "kind", "parameters", "requested_by_id", "sha256", "size", "started_at", "state", "trial_id", "upload_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."attempts", old_values."cancel_requested_at", old_values."cancel_requested_by_id", old_values."content_type", old_values."created_at", old_values."expires_at", old_values."extension", old_values."failure", old_values."failure_code", old_values."finished_at", old_values."id", old_values."kind", old_values."parameters", old_values."requested_by_id", old_values."sha256", old_values."size", old_values."started_at", old_values."state", old_values."trial_id", old_values."upload_id", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'documents_report\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;', hash='5fe5b5457fcb5dc5143df1bfe935b907b31b8e31', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_f6b7d', referencing='REFERENCING OLD TABLE AS old_values ', table='documents_report', when='AFTER')), pgtrigger.compiler.Trigger(name='count_versions', sql=portal.core.triggers.GuardedRowTriggerSql(func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;", hash='9dc65c006085d515577e478bfe6fab0dbf997d7a', operation='UPDATE', pgid='pgtrigger_count_versions_6dbc2', table='documents_report', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='ReportHistory',
                    fields=[
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('pgh_id', models.BigIntegerField(db_default=django.db.models.expressions.RawSQL("nextval('audit.history_id')", ()), primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField()),
                        ('transaction_id', portal.core.history.TransactionIdField()),
                        ('acted_by', models.UUIDField()),
                        ('acted_role', models.TextField()),
                        ('acted_organization', models.TextField()),
                        ('acted_reason', models.TextField()),
                        ('acted_source', models.TextField()),
                        ('acted_request_id', models.TextField()),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='documents.report')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('kind', models.CharField(max_length=40, verbose_name='kind')),
                        ('parameters', models.JSONField(default=dict, verbose_name='parameters')),
                        ('requested_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked for by')),
                        ('upload', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='documents.reportupload', verbose_name='file')),
                        ('trial_id', models.UUIDField(null=True, verbose_name='trial')),
                        ('state', models.CharField(default='queued', max_length=20, verbose_name='state')),
                        ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                        ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                        ('finished_at', models.DateTimeField(null=True, verbose_name='ended')),
                        ('failure_code', models.CharField(blank=True, max_length=60)),
                        ('failure', models.TextField(blank=True, verbose_name='why it failed')),
                        ('content_type', models.CharField(blank=True, max_length=100, verbose_name='content type')),
                        ('extension', models.CharField(blank=True, max_length=10)),
                        ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                        ('size', models.BigIntegerField(null=True, verbose_name='size in bytes')),
                        ('expires_at', models.DateTimeField(null=True, verbose_name='file kept until')),
                        ('cancel_requested_at', models.DateTimeField(null=True, verbose_name='canceled')),
                        ('cancel_requested_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='canceled by')),
                    ],
                    options={
                        'abstract': False,
                        'triggers': [pgtrigger.compiler.Trigger(name='written_by_triggers_only', sql=portal.core.triggers.GuardedTriggerSql(func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;", hash='010c292ef737b94e04b73a39d589589886a3a078', level='STATEMENT', operation='INSERT', pgid='pgtrigger_written_by_triggers_only_e1f12', table='documents_reporthistory', when='BEFORE')), pgtrigger.compiler.Trigger(name='history_never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';", hash='02a2b6da018012761a632b8f3da8993ae9c2fe85', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_history_never_changes_b53b4', table='documents_reporthistory', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='ReportProgress',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='progress', to='documents.report')),
                        ('number', models.PositiveIntegerField(verbose_name='number')),
                        ('kind', models.CharField(choices=[('started', 'started'), ('step', 'step'), ('percent', 'percent'), ('finished', 'finished'), ('failed', 'failed'), ('canceled', 'canceled')], max_length=10, verbose_name='what')),
                        ('attempt', models.PositiveSmallIntegerField(verbose_name='attempt')),
                        ('percent', models.PositiveSmallIntegerField(default=0, verbose_name='percent')),
                        ('step', models.CharField(blank=True, max_length=60, verbose_name='step')),
                        ('done', models.BigIntegerField(null=True, verbose_name='done')),
                        ('total', models.BigIntegerField(null=True, verbose_name='of')),
                        ('at', models.DateTimeField(default=portal.core.clock.now, verbose_name='at')),
                    ],
                    options={
                        'verbose_name': 'line of progress',
                        'verbose_name_plural': 'lines of progress',
                        'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['started', 'step', 'percent', 'finished', 'failed', 'canceled'])), name='progress_kind_is_known'), models.UniqueConstraint(fields=('report', 'number'), name='progress_is_numbered_once'), models.CheckConstraint(condition=models.Q(('percent__lte', 100)), name='progress_ends_at_a_hundred')],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='ReportLease',
                    fields=[
                        ('report', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='lease', serialize=False, to='documents.report')),
                        ('token', models.UUIDField(default=portal.core.ids.uuid7, verbose_name='token')),
                        ('leased_until', models.DateTimeField(verbose_name='leased until')),
                    ],
                    options={
                        'verbose_name': 'lease of a report',
                        'verbose_name_plural': 'leases of reports',
                        'indexes': [],
                        'constraints': [],
                    },
                ),
            ],
        ),
    ]

