"""Alerts are told to walls as they are raised and taken on."""

import pgtrigger.compiler
import portal.core.operations
import portal.core.triggers
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('patients', '0001_initial'),
    ]

    operations = [
        portal.core.operations.InstallTriggers(
            model_name='alert',
            triggers=[
                pgtrigger.compiler.Trigger(name='live_insert', sql=portal.core.triggers.GuardedTriggerSql(func="\n        IF coalesce(current_setting('portal.live', true), '') <> 'on'\n            AND current_setting('portal.source', true) IN ('import', 'command', 'migration') THEN\n            RETURN NULL;\n        END IF;\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'alert', r.trial_id, r.site_id, array_agg(r.id), clock_timestamp()\n        FROM new_values r GROUP BY r.trial_id, r.site_id;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ", hash='f027f2c67e6e17a045d988cdf066b10a2648019f', level='STATEMENT', operation='INSERT', pgid='pgtrigger_live_insert_3cc36', referencing='REFERENCING NEW TABLE AS new_values ', table='patients_alert', when='AFTER')),
                pgtrigger.compiler.Trigger(name='live_update', sql=portal.core.triggers.GuardedTriggerSql(func="\n        IF coalesce(current_setting('portal.live', true), '') <> 'on'\n            AND current_setting('portal.source', true) IN ('import', 'command', 'migration') THEN\n            RETURN NULL;\n        END IF;\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'alert', r.trial_id, r.site_id, array_agg(r.id), clock_timestamp()\n        FROM new_values r GROUP BY r.trial_id, r.site_id;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ", hash='e0fd8cf7df35f9dc651f9da867ba83e25215da7a', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_live_update_8cf52', referencing='REFERENCING NEW TABLE AS new_values ', table='patients_alert', when='AFTER')),
            ],
        ),
    ]
