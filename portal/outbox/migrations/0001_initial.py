"""The tables of this app, with their constraints and history from the first day."""

import portal.core.operations
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='OutboxDelivery',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('message_id', models.UUIDField(verbose_name='message')),
                        ('kind', models.TextField(verbose_name='kind')),
                        ('version', models.PositiveSmallIntegerField(verbose_name='payload version')),
                        ('handler', models.TextField(verbose_name='handler')),
                        ('is_ordered', models.BooleanField(default=False, verbose_name='in order')),
                        ('lane', models.PositiveSmallIntegerField(choices=[(0, 'safety'), (1, 'ordinary')], verbose_name='lane')),
                        ('resource', models.TextField(verbose_name='resource')),
                        ('record_id', models.UUIDField(verbose_name='record')),
                        ('ordering_key', models.UUIDField(verbose_name='ordering key')),
                        ('trial_id', models.UUIDField(null=True, verbose_name='trial')),
                        ('site_id', models.UUIDField(null=True, verbose_name='site')),
                        ('payload', models.JSONField(db_default={}, verbose_name='payload')),
                        ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()), verbose_name='created')),
                        ('state', models.TextField(choices=[('pending', 'waiting'), ('done', 'done'), ('dead', 'dead'), ('skipped', 'skipped')], db_default='pending', verbose_name='state')),
                        ('attempts', models.PositiveSmallIntegerField(db_default=0, verbose_name='attempts')),
                        ('due_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()), verbose_name='due')),
                        ('leased_until', models.DateTimeField(null=True, verbose_name='leased until')),
                        ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                        ('last_error', models.TextField(db_default='', verbose_name='last error')),
                    ],
                    options={
                        'verbose_name': 'delivery',
                        'verbose_name_plural': 'deliveries',
                        'indexes': [models.Index(models.F('lane'), models.F('id'), condition=models.Q(('state', 'pending')), name='delivery_pending'), models.Index(models.F('handler'), models.F('ordering_key'), models.F('id'), condition=models.Q(('is_ordered', True), ('state__in', ['pending', 'dead'])), name='delivery_in_order'), models.Index(models.OrderBy(models.F('id'), descending=True), condition=models.Q(('state', 'dead')), name='delivery_dead')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'done', 'dead', 'skipped'])), name='delivery_state_is_known'), models.CheckConstraint(condition=models.Q(('lane__in', [0, 1])), name='delivery_lane_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='a_delivery_is_pending_or_finished'), models.CheckConstraint(condition=models.Q(('state', 'pending'), ('leased_until__isnull', True), _connector='OR'), name='only_a_pending_delivery_is_leased')],
                    },
                ),
                migrations.CreateModel(
                    name='RelayHeartbeat',
                    fields=[
                        ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                        ('seen_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()), verbose_name='seen')),
                        ('mode', models.TextField(db_default='', verbose_name='mode')),
                    ],
                    options={
                        'verbose_name': 'sign of life of the relay',
                        'verbose_name_plural': 'signs of life of the relay',
                        'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='there_is_one_active_relay')],
                        'indexes': [],
                    },
                ),
            ],
        ),
    ]
