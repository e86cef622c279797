"""The tables of this app, with their constraints and history from the first day."""

import django.db.models.deletion
import portal.core.clock
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
        portal.core.operations.CreateTogether(
            models=[
                migrations.CreateModel(
                    name='StoredAnswer',
                    fields=[
                        ('id', models.UUIDField(default=portal.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                        ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('key', models.UUIDField(verbose_name='idempotency key')),
                        ('answer', models.BinaryField(verbose_name='answer, sealed')),
                    ],
                    options={
                        'verbose_name': 'stored answer',
                        'verbose_name_plural': 'stored answers',
                        'indexes': [models.Index(fields=['created_at'], name='storedanswer_oldest')],
                        'constraints': [models.UniqueConstraint(fields=('person', 'key'), name='an_idempotency_key_is_used_once')],
                    },
                ),
            ],
        ),
    ]
