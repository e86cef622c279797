"""The tables of this app, with their constraints and history from the first day."""

import django.contrib.postgres.fields
import django.db.models.deletion
import portal.core.ids
import portal.core.operations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_service_accounts'),
    ]

    operations = [
        migrations.RunSQL(
            sql='CREATE SEQUENCE public.live_sequence AS bigint',
            reverse_sql='DROP SEQUENCE public.live_sequence',
        ),
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='UsedTicket',
                    fields=[
                        ('jti_digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                        ('used_at', models.DateTimeField(db_index=True)),
                    ],
                    options={
                        'verbose_name': 'used ticket',
                        'verbose_name_plural': 'used tickets',
                        'constraints': [models.CheckConstraint(condition=models.Q(('jti_digest__regex', '^[0-9a-f]{64}$')), name='used_ticket_is_kept_as_a_digest')],
                        'indexes': [],
                    },
                ),
                migrations.CreateModel(
                    name='LiveConnection',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('process', models.UUIDField(db_index=True, verbose_name='process')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                        ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.session', verbose_name='session')),
                        ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                        ('opened_at', models.DateTimeField(verbose_name='connected')),
                        ('seen_at', models.DateTimeField(verbose_name='last told')),
                        ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None, verbose_name='topics')),
                        ('messages_in', models.BigIntegerField(default=0, verbose_name='messages in')),
                        ('messages_out', models.BigIntegerField(default=0, verbose_name='messages out')),
                        ('bytes_out', models.BigIntegerField(default=0, verbose_name='bytes out')),
                        ('coalesced', models.BigIntegerField(default=0, verbose_name='updates joined')),
                        ('lag_bytes', models.BigIntegerField(default=0, verbose_name='bytes waiting')),
                        ('errors', models.IntegerField(default=0, verbose_name='errors')),
                        ('close_requested_at', models.DateTimeField(null=True, verbose_name='to be closed')),
                        ('close_requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'live connection',
                        'verbose_name_plural': 'live connections',
                        'indexes': [models.Index(fields=['-opened_at', '-id'], name='liveconnection_newest')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('close_requested_at__isnull', True), ('close_requested_by__isnull', True)), models.Q(('close_requested_at__isnull', False), ('close_requested_by__isnull', False)), _connector='OR'), name='live_connection_closed_by_and_at')],
                    },
                ),
                migrations.CreateModel(
                    name='PendingUpdate',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('resource', models.CharField(max_length=40)),
                        ('trial_id', models.UUIDField(null=True)),
                        ('site_id', models.UUIDField(null=True)),
                        ('records', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                        ('created_at', models.DateTimeField()),
                    ],
                    options={
                        'verbose_name': 'update on its way',
                        'verbose_name_plural': 'updates on their way',
                        'indexes': [],
                        'constraints': [],
                    },
                ),
            ],
        ),
    ]
