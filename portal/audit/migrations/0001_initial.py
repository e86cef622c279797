"""The tables of this app, with their constraints and history from the first day."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import portal.core.history
import portal.core.operations
import portal.core.triggers
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('core', '0001_schemas_and_functions'),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='AuditEntry',
                    fields=[
                        ('id', models.BigIntegerField(db_column='pgh_id', db_default=0, editable=False, primary_key=True, serialize=False)),
                        ('at', models.DateTimeField(db_column='pgh_created_at', db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='at')),
                        ('transaction_id', portal.core.history.TransactionIdField(editable=False, null=True)),
                        ('action', models.CharField(max_length=60, verbose_name='action')),
                        ('acted_by', models.UUIDField(null=True, verbose_name='who')),
                        ('acted_role', models.TextField(default='', verbose_name='role')),
                        ('acted_organization', models.TextField(default='', verbose_name='organization')),
                        ('acted_source', models.TextField(default='', verbose_name='source')),
                        ('acted_request_id', models.TextField(default='', verbose_name='request')),
                        ('resource', models.CharField(default='', max_length=60, verbose_name='resource')),
                        ('record_id', models.UUIDField(null=True, verbose_name='record')),
                        ('trial_id', models.UUIDField(null=True, verbose_name='trial')),
                        ('site_id', models.UUIDField(null=True, verbose_name='site')),
                        ('patient_id', models.UUIDField(null=True, verbose_name='patient')),
                        ('detail', models.JSONField(default=dict, verbose_name='detail')),
                    ],
                    options={
                        'verbose_name': 'audit entry',
                        'verbose_name_plural': 'audit entries',
                        'indexes': [models.Index(fields=['resource', 'record_id', 'id'], name='auditentry_of_record'), models.Index(fields=['patient_id', 'id'], name='auditentry_of_patient'), models.Index(fields=['site_id', 'id'], name='auditentry_of_site'), models.Index(fields=['trial_id', 'id'], name='auditentry_of_trial'), models.Index(fields=['acted_by', 'id'], name='auditentry_of_person'), models.Index(fields=['action', 'id'], name='auditentry_of_action')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('action', ''), _negated=True), name='an_audit_entry_names_its_action')],
                        'triggers': [pgtrigger.compiler.Trigger(name='stamped_by_the_database', sql=portal.core.triggers.GuardedTriggerSql(func="NEW.transaction_id := pg_current_xact_id(); NEW.pgh_id := nextval('audit.history_id'); NEW.pgh_created_at := clock_timestamp(); RETURN NEW;", hash='8d09d6437d3147d1235d594787ace0b41bc348d0', operation='INSERT', pgid='pgtrigger_stamped_by_the_database_f7f8f', table='audit_auditentry', when='BEFORE')), pgtrigger.compiler.Trigger(name='never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'the audit trail never changes' USING ERRCODE = 'insufficient_privilege';", hash='003cf9fb93b9d7cb0a87d58cd05aa26c11ed7fd2', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_never_changes_72e40', table='audit_auditentry', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='Seal',
                    fields=[
                        ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('previous_hash', models.BinaryField(max_length=32)),
                        ('after_id', models.BigIntegerField()),
                        ('upto_id', models.BigIntegerField()),
                        ('sampled_id', models.BigIntegerField()),
                        ('sampled_xid', models.BigIntegerField()),
                        ('row_count', models.BigIntegerField()),
                        ('total_count', models.BigIntegerField()),
                        ('parts_digest', models.BinaryField(max_length=32)),
                        ('sealed_at', models.DateTimeField(verbose_name='sealed')),
                        ('hash', models.BinaryField(max_length=32)),
                    ],
                    options={
                        'verbose_name': 'seal',
                        'verbose_name_plural': 'seals',
                        'constraints': [models.UniqueConstraint(fields=('previous_hash',), name='a_seal_has_one_successor')],
                        'triggers': [pgtrigger.compiler.Trigger(name='never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'the audit trail never changes' USING ERRCODE = 'insufficient_privilege';", hash='16365cea17c83d0b4ea57cd389a6c871cbbf7daa', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_never_changes_598bd', table='audit_seal', when='BEFORE'))],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='SealLayout',
                    fields=[
                        ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                        ('table_name', models.TextField()),
                        ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                    ],
                    options={
                        'triggers': [pgtrigger.compiler.Trigger(name='never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'the audit trail never changes' USING ERRCODE = 'insufficient_privilege';", hash='5c44affe871cae5da31f2362bad3b3eedb5480e2', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_never_changes_59f86', table='audit_seallayout', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='SealPart',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('seal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='audit.seal')),
                        ('table_name', models.TextField()),
                        ('layout', models.BinaryField(max_length=32)),
                        ('after_id', models.BigIntegerField()),
                        ('upto_id', models.BigIntegerField()),
                        ('row_count', models.IntegerField()),
                        ('digest', models.BinaryField(max_length=32)),
                        ('marks', models.BinaryField()),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('table_name', 'after_id'), name='a_row_is_sealed_once')],
                        'triggers': [pgtrigger.compiler.Trigger(name='never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'the audit trail never changes' USING ERRCODE = 'insufficient_privilege';", hash='9f38518074502ae1a1f8b1952fd85f6dbf14d5eb', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_never_changes_9a8c1', table='audit_sealpart', when='BEFORE'))],
                        'indexes': [],
                    },
                ),
            ],
        ),
    ]
