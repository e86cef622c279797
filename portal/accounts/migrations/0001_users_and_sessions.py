"""The tables of this app, with their constraints and history from the first day."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
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
        ('auth', '0012_alter_user_first_name_max_length'),
        ('core', '0001_schemas_and_functions'),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='User',
                    fields=[
                        ('password', models.CharField(max_length=128, verbose_name='password')),
                        ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                        ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False, verbose_name='created')),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('username', models.CharField(max_length=150, verbose_name='user name')),
                        ('display_name', models.CharField(blank=True, max_length=200, verbose_name='display name')),
                        ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                        ('organization', models.CharField(blank=True, max_length=200, verbose_name='organization')),
                        ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                        ('kind', models.CharField(choices=[('person', 'Person'), ('patient', 'Patient'), ('service', 'Service')], default='person', max_length=10, verbose_name='kind')),
                        ('is_active', models.BooleanField(default=True, verbose_name='active')),
                        ('is_staff', models.BooleanField(default=False, verbose_name='may open the admin')),
                        ('session_version', models.PositiveIntegerField(default=1, editable=False)),
                        ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                        ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ],
                    options={
                        'verbose_name': 'user',
                        'verbose_name_plural': 'users',
                        'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('username'), name='username_is_unique_whatever_its_case'), models.CheckConstraint(condition=models.Q(('is_superuser', False)), name='nobody_is_superuser'), models.CheckConstraint(condition=models.Q(('kind__in', ['person', 'patient', 'service'])), name='user_kind_is_known')],
                        'triggers': [pgtrigger.compiler.Trigger(name='count_versions', sql=portal.core.triggers.GuardedRowTriggerSql(func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;", hash='40afa1c07ca27f3a9f52c17ff1ea5f5845f1c9a2', operation='UPDATE', pgid='pgtrigger_count_versions_5b2fc', table='accounts_user', when='BEFORE')), pgtrigger.compiler.Trigger(name='rights_changed', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO public.accounts_rightschange (noted_at) VALUES (clock_timestamp()); RETURN NULL;', hash='6105795c5fde6220fdca06035a9b61c6fb0b7b59', level='STATEMENT', operation='UPDATE OF "is_active", "session_version"', pgid='pgtrigger_rights_changed_40bd2', table='accounts_user', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_userhistory" ("created_at", "display_name", "email", "id", "is_active", "is_staff", "is_superuser", "kind", "language", "organization", "session_version", "username", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."display_name", new_values."email", new_values."id", new_values."is_active", new_values."is_staff", new_values."is_superuser", new_values."kind", new_values."language", new_values."organization", new_values."session_version", new_values."username", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_user\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;', hash='21497c8588989be2dd406916fc38316e22846b93', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_3867c', referencing='REFERENCING NEW TABLE AS new_values ', table='accounts_user', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_userhistory" ("created_at", "display_name", "email", "id", "is_active", "is_staff", "is_superuser", "kind", "language", "organization", "session_version", "username", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."display_name", new_values."email", new_values."id", new_values."is_active", new_values."is_staff", new_values."is_superuser", new_values."kind", new_values."language", new_values."organization", new_values."session_version", new_values."username", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_user\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."display_name" IS DISTINCT FROM (new_values."display_name") OR old_values."email" IS DISTINCT FROM (new_values."email") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."is_active" IS DISTINCT FROM (new_values."is_active") OR old_values."is_staff" IS DISTINCT FROM (new_values."is_staff") OR old_values."is_superuser" IS DISTINCT FROM (new_values."is_superuser") OR old_values."kind" IS DISTINCT FROM (new_values."kind") OR old_values."language" IS DISTINCT FROM (new_values."language") OR old_values."organization" IS DISTINCT FROM (new_values."organization") OR old_values."session_version" IS DISTINCT FROM (new_values."session_version") OR old_values."username" IS DISTINCT FROM (new_values."username") OR old_values."version" IS DISTINCT FROM (new_values."version"))) AS new_values; RETURN NULL;', hash='017b954c0db21d4d55916d887d0f0dbaadd601c9', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_0e890', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='accounts_user', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_userhistory" ("created_at", "display_name", "email", "id", "is_active", "is_staff", "is_superuser", "kind", "language", "organization", "session_version", "username", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."display_name", old_values."email", old_values."id", old_values."is_active", old_values."is_staff", old_values."is_superuser", old_values."kind", old_values."language", old_values."organization", old_values."session_version", old_values."username", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_user\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;', hash='6728f3e2bf55815d1b3352efe8fdf98fe1f3dfd8', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_19f14', referencing='REFERENCING OLD TABLE AS old_values ', table='accounts_user', when='AFTER'))],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='UserHistory',
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
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('is_superuser', models.BooleanField(default=False, verbose_name='superuser status')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False, verbose_name='created')),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('username', models.CharField(max_length=150, verbose_name='user name')),
                        ('display_name', models.CharField(blank=True, max_length=200, verbose_name='display name')),
                        ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                        ('organization', models.CharField(blank=True, max_length=200, verbose_name='organization')),
                        ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                        ('kind', models.CharField(default='person', max_length=10, verbose_name='kind')),
                        ('is_active', models.BooleanField(default=True, verbose_name='active')),
                        ('is_staff', models.BooleanField(default=False, verbose_name='may open the admin')),
                        ('session_version', models.PositiveIntegerField(default=1, editable=False)),
                    ],
                    options={
                        'abstract': False,
                        'triggers': [pgtrigger.compiler.Trigger(name='written_by_triggers_only', sql=portal.core.triggers.GuardedTriggerSql(func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;", hash='b42d48ce4dab4b9b5e25fcfe76fce82e341b51f6', level='STATEMENT', operation='INSERT', pgid='pgtrigger_written_by_triggers_only_a7c60', table='accounts_userhistory', when='BEFORE')), pgtrigger.compiler.Trigger(name='history_never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';", hash='3169a28140c59fbfc1d90f9a921db3516f1c015f', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_history_never_changes_87f58', table='accounts_userhistory', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='Session',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                        ('kind', models.CharField(choices=[('web', 'Browser or program, by token'), ('device', 'Phone of a patient or bedside gateway, by device token'), ('desk', 'Admin, by cookie')], max_length=10, verbose_name='kind')),
                        ('patient_id', models.UUIDField(editable=False, null=True, verbose_name='patient')),
                        ('site_id', models.UUIDField(editable=False, null=True, verbose_name='site')),
                        ('expires_at', models.DateTimeField(verbose_name='expires')),
                        ('revoked_at', models.DateTimeField(null=True, verbose_name='ended')),
                        ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='ended by')),
                        ('revoked_reason', models.CharField(blank=True, choices=[('signed_out', 'Signed out'), ('revoked', 'Revoked'), ('reused', 'A refresh token was used twice'), ('deactivated', 'The account was deactivated'), ('password_changed', 'The password was changed'), ('roles_changed', 'The roles were changed'), ('expired', 'Expired')], max_length=20, verbose_name='why it ended')),
                        ('session_version', models.PositiveIntegerField(editable=False)),
                        ('user_agent', models.CharField(blank=True, max_length=300, verbose_name='program')),
                        ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                        ('device_id', models.CharField(blank=True, max_length=100, verbose_name='device')),
                    ],
                    options={
                        'verbose_name': 'session',
                        'verbose_name_plural': 'sessions',
                        'abstract': False,
                        'indexes': [models.Index(models.F('user'), models.OrderBy(models.F('created_at'), descending=True), name='session_of_user_newest_first'), models.Index(models.F('expires_at'), condition=models.Q(('revoked_at__isnull', True)), name='session_open_by_expiry'), models.Index(models.F('patient_id'), condition=models.Q(('patient_id__isnull', False)), name='session_of_patient')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['web', 'device', 'desk'])), name='session_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('revoked_at__isnull', True), ('revoked_by__isnull', True)), models.Q(('revoked_at__isnull', False), ('revoked_by__isnull', False)), _connector='OR'), name='session_ended_by_and_at'), models.CheckConstraint(condition=models.Q(models.Q(('revoked_at__isnull', True), ('revoked_reason', '')), models.Q(('revoked_at__isnull', False), ('revoked_reason__in', ['signed_out', 'revoked', 'reused', 'deactivated', 'password_changed', 'roles_changed', 'expired'])), _connector='OR'), name='session_ended_for_a_known_reason'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'device'), _negated=True), models.Q(('patient_id__isnull', False), ('site_id__isnull', True)), models.Q(('patient_id__isnull', True), ('site_id__isnull', False)), _connector='OR'), name='device_session_names_its_patient_or_its_site'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='session_expires_after_it_began')],
                        'triggers': [pgtrigger.compiler.Trigger(name='count_versions', sql=portal.core.triggers.GuardedRowTriggerSql(func="IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' USING ERRCODE = 'check_violation'; END IF; NEW.version := OLD.version + 1; RETURN NEW;", hash='140688a062ddf05bc36640c703a095a8ea8d60de', operation='UPDATE', pgid='pgtrigger_count_versions_61bc4', table='accounts_session', when='BEFORE')), pgtrigger.compiler.Trigger(name='rights_changed', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO public.accounts_rightschange (noted_at) VALUES (clock_timestamp()); RETURN NULL;', hash='699b1e7879f08024823350a1c06c27163387d81c', level='STATEMENT', operation='UPDATE OF "revoked_at", "expires_at"', pgid='pgtrigger_rights_changed_f241f', table='accounts_session', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_sessionhistory" ("address", "created_at", "device_id", "expires_at", "id", "kind", "patient_id", "revoked_at", "revoked_by_id", "revoked_reason", "session_version", "site_id", "user_agent", "user_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."address", new_values."created_at", new_values."device_id", new_values."expires_at", new_values."id", new_values."kind", new_values."patient_id", new_values."revoked_at", new_values."revoked_by_id", new_values."revoked_reason", new_values."session_version", new_values."site_id", new_values."user_agent", new_values."user_id", new_values."version", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_session\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;', hash='765ed6bac1202db113bfb2d8f518cdc9ed6fadba', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_60bc9', referencing='REFERENCING NEW TABLE AS new_values ', table='accounts_session', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_sessionhistory" ("address", "created_at", "device_id", "expires_at", "id", "kind", "patient_id", "revoked_at", "revoked_by_id", "revoked_reason", "session_version", "site_id", "user_agent", "user_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."address", new_values."created_at", new_values."device_id", new_values."expires_at", new_values."id", new_values."kind", new_values."patient_id", new_values."revoked_at", new_values."revoked_by_id", new_values."revoked_reason", new_values."session_version", new_values."site_id", new_values."user_agent", new_values."user_id", new_values."version", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_session\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;', hash='fd5b1ded6154dc07e569be78894edcda3674eb53', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_da738', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='accounts_session', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_sessionhistory" ("address", "created_at", "device_id", "expires_at", "id", "kind", "patient_id", "revoked_at", "revoked_by_id", "revoked_reason", "session_version", "site_id", "user_agent", "user_id", "version", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."address", old_values."created_at", old_values."device_id", old_values."expires_at", old_values."id", old_values."kind", old_values."patient_id", old_values."revoked_at", old_values."revoked_by_id", old_values."revoked_reason", old_values."session_version", old_values."site_id", old_values."user_agent", old_values."user_id", old_values."version", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_session\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;', hash='6c1648d0c00d17fda236a307d8f13e324eccbcf8', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_ac567', referencing='REFERENCING OLD TABLE AS old_values ', table='accounts_session', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='SessionHistory',
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
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.session')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('version', models.PositiveIntegerField(default=1, editable=False)),
                        ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                        ('kind', models.CharField(max_length=10, verbose_name='kind')),
                        ('patient_id', models.UUIDField(editable=False, null=True, verbose_name='patient')),
                        ('site_id', models.UUIDField(editable=False, null=True, verbose_name='site')),
                        ('expires_at', models.DateTimeField(verbose_name='expires')),
                        ('revoked_at', models.DateTimeField(null=True, verbose_name='ended')),
                        ('revoked_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL, verbose_name='ended by')),
                        ('revoked_reason', models.CharField(blank=True, max_length=20, verbose_name='why it ended')),
                        ('session_version', models.PositiveIntegerField(editable=False)),
                        ('user_agent', models.CharField(blank=True, max_length=300, verbose_name='program')),
                        ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                        ('device_id', models.CharField(blank=True, max_length=100, verbose_name='device')),
                    ],
                    options={
                        'abstract': False,
                        'triggers': [pgtrigger.compiler.Trigger(name='written_by_triggers_only', sql=portal.core.triggers.GuardedTriggerSql(func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;", hash='a3c4c296a4a15f32e274af7c396fe6819724b5fe', level='STATEMENT', operation='INSERT', pgid='pgtrigger_written_by_triggers_only_6143f', table='accounts_sessionhistory', when='BEFORE')), pgtrigger.compiler.Trigger(name='history_never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';", hash='cd225068e8f7479c065a59b0df1cd98968ca919c', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_history_never_changes_4a2eb', table='accounts_sessionhistory', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='RefreshToken',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refresh_tokens', to='accounts.session')),
                        ('parent', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='successor', to='accounts.refreshtoken')),
                        ('jti_digest', models.CharField(editable=False, max_length=64, unique=True)),
                        ('issued_at', models.DateTimeField()),
                        ('expires_at', models.DateTimeField()),
                        ('used_at', models.DateTimeField(null=True)),
                        ('used_by_client', models.CharField(blank=True, max_length=64)),
                    ],
                    options={
                        'verbose_name': 'refresh token',
                        'verbose_name_plural': 'refresh tokens',
                        'constraints': [models.CheckConstraint(condition=models.Q(('jti_digest__regex', '^[0-9a-f]{64}$')), name='refresh_token_is_kept_as_a_digest'), models.CheckConstraint(condition=models.Q(models.Q(('used_at__isnull', True), ('used_by_client', '')), models.Q(('used_at__isnull', False), models.Q(('used_by_client', ''), _negated=True)), _connector='OR'), name='refresh_token_used_by_and_at'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('issued_at'))), name='refresh_token_expires_after_it_was_issued')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_refreshtokenhistory" ("created_at", "expires_at", "id", "issued_at", "jti_digest", "parent_id", "session_id", "used_at", "used_by_client", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."expires_at", new_values."id", new_values."issued_at", new_values."jti_digest", new_values."parent_id", new_values."session_id", new_values."used_at", new_values."used_by_client", new_values."id", \'insert\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_refreshtoken\', false) AS declared, (SELECT new_values.* FROM new_values ) AS new_values; RETURN NULL;', hash='1f4d5621e690da5f709ec2b0264431fec2860199', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_c4892', referencing='REFERENCING NEW TABLE AS new_values ', table='accounts_refreshtoken', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_refreshtokenhistory" ("created_at", "expires_at", "id", "issued_at", "jti_digest", "parent_id", "session_id", "used_at", "used_by_client", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT new_values."created_at", new_values."expires_at", new_values."id", new_values."issued_at", new_values."jti_digest", new_values."parent_id", new_values."session_id", new_values."used_at", new_values."used_by_client", new_values."id", \'update\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_refreshtoken\', false) AS declared, (SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*)) AS new_values; RETURN NULL;', hash='df8c7bf07adb219f738346b536d32eb44e32fe17', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_1408a', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='accounts_refreshtoken', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO "accounts_refreshtokenhistory" ("created_at", "expires_at", "id", "issued_at", "jti_digest", "parent_id", "session_id", "used_at", "used_by_client", "pgh_obj_id", "pgh_label", "pgh_created_at", "transaction_id", "acted_by", "acted_role", "acted_organization", "acted_reason", "acted_source", "acted_request_id") SELECT old_values."created_at", old_values."expires_at", old_values."id", old_values."issued_at", old_values."jti_digest", old_values."parent_id", old_values."session_id", old_values."used_at", old_values."used_by_client", old_values."id", \'delete\', clock_timestamp(), declared.transaction_id, declared.acted_by, declared.acted_role, declared.acted_organization, declared.acted_reason, declared.acted_source, declared.acted_request_id FROM declared_context(\'accounts_refreshtoken\', false) AS declared, (SELECT old_values.* FROM old_values ) AS old_values; RETURN NULL;', hash='8a61fc551dbc335c78fad81bb2985d036509f54b', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_3b8af', referencing='REFERENCING OLD TABLE AS old_values ', table='accounts_refreshtoken', when='AFTER'))],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='RefreshTokenHistory',
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
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.refreshtoken')),
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('session', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.session')),
                        ('parent', models.ForeignKey(db_constraint=False, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.refreshtoken')),
                        ('jti_digest', models.CharField(editable=False, max_length=64)),
                        ('issued_at', models.DateTimeField()),
                        ('expires_at', models.DateTimeField()),
                        ('used_at', models.DateTimeField(null=True)),
                        ('used_by_client', models.CharField(blank=True, max_length=64)),
                    ],
                    options={
                        'abstract': False,
                        'triggers': [pgtrigger.compiler.Trigger(name='written_by_triggers_only', sql=portal.core.triggers.GuardedTriggerSql(func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'history is written by triggers only' USING ERRCODE = 'insufficient_privilege'; END IF; RETURN NULL;", hash='a50346c0c7de9b9d524d6dc4a0a585e5ab9bce01', level='STATEMENT', operation='INSERT', pgid='pgtrigger_written_by_triggers_only_195d9', table='accounts_refreshtokenhistory', when='BEFORE')), pgtrigger.compiler.Trigger(name='history_never_changes', sql=portal.core.triggers.GuardedTriggerSql(func="RAISE EXCEPTION 'history never changes' USING ERRCODE = 'insufficient_privilege';", hash='f6ef280d35ef4bcb6d027b2fb6cbd65ac77caf3a', level='STATEMENT', operation='UPDATE OR DELETE OR TRUNCATE', pgid='pgtrigger_history_never_changes_a0d6c', table='accounts_refreshtokenhistory', when='BEFORE'))],
                        'indexes': [],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='SignInCounter',
                    fields=[
                        ('key', models.CharField(max_length=80, primary_key=True, serialize=False)),
                        ('failures', models.PositiveIntegerField(default=0)),
                        ('in_flight', models.PositiveIntegerField(default=0)),
                        ('window_started_at', models.DateTimeField()),
                        ('touched_at', models.DateTimeField()),
                    ],
                    options={
                        'verbose_name': 'sign-in counter',
                        'verbose_name_plural': 'sign-in counters',
                        'indexes': [models.Index(models.F('touched_at'), name='sign_in_counter_by_age')],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='SignInRefusal',
                    fields=[
                        ('key', models.CharField(max_length=200, primary_key=True, serialize=False)),
                        ('account_id', models.UUIDField(null=True, verbose_name='account')),
                        ('detail', models.JSONField(default=dict, verbose_name='detail')),
                        ('count', models.PositiveIntegerField(verbose_name='count')),
                        ('window_started_at', models.DateTimeField(verbose_name='since')),
                        ('last_at', models.DateTimeField(verbose_name='until')),
                    ],
                    options={
                        'verbose_name': 'refused sign-in',
                        'verbose_name_plural': 'refused sign-ins',
                        'indexes': [models.Index(models.F('window_started_at'), name='sign_in_refusal_by_age')],
                        'constraints': [],
                    },
                ),
                migrations.CreateModel(
                    name='RightsChange',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('noted_at', models.DateTimeField()),
                    ],
                    options={
                        'verbose_name': 'change of rights',
                        'verbose_name_plural': 'changes of rights',
                        'indexes': [],
                        'constraints': [],
                    },
                ),
            ],
        ),
    ]
