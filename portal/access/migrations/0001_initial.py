"""The tables of this app, with their constraints and history from the first day."""

import django.db.models.deletion
import pgtrigger.compiler
import portal.core.operations
import portal.core.triggers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_service_accounts'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='PortalUserPermission',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='auth.permission')),
                        ('valid_from', models.DateTimeField()),
                        ('valid_until', models.DateTimeField(null=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('user', 'permission'), name='a_right_held_everywhere_is_indexed_once')],
                        'triggers': [pgtrigger.compiler.Trigger(name='rights_changed', sql=portal.core.triggers.GuardedTriggerSql(func='INSERT INTO public.accounts_rightschange (noted_at) VALUES (clock_timestamp()); RETURN NULL;', hash='59f00eed1ca64a370bf2755ec0881603d4260c64', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_rights_changed_dd38e', table='access_portaluserpermission', when='AFTER'))],
                        'indexes': [],
                    },
                ),
            ],
        ),
    ]
