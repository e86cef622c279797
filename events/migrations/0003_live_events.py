"""Let the live side know of adverse events that come or change."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_reported_events"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="adverseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="live_insert",
                sql=portal.core.triggers.GuardedTriggerSql(
                    func="\n        IF coalesce(current_setting('portal.live', true), '') <> 'on'\n            AND current_setting('portal.source', true) IN ('import', 'command', 'migration') THEN\n            RETURN NULL;\n        END IF;\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'adverse_event', r.trial_id, r.site_id, array_agg(r.id), clock_timestamp()\n        FROM new_values r GROUP BY r.trial_id, r.site_id;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ",
                    hash="d4012705cddeaf6f157e7ed9021427de6e6adc69",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_live_insert_eeff7",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="events_adverseevent",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adverseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="live_update",
                sql=portal.core.triggers.GuardedTriggerSql(
                    func="\n        IF coalesce(current_setting('portal.live', true), '') <> 'on'\n            AND current_setting('portal.source', true) IN ('import', 'command', 'migration') THEN\n            RETURN NULL;\n        END IF;\n        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)\n        SELECT 'adverse_event', r.trial_id, r.site_id, array_agg(r.id), clock_timestamp()\n        FROM new_values r GROUP BY r.trial_id, r.site_id;\n        PERFORM pg_notify('live', '');\n        RETURN NULL;\n    ",
                    hash="9e0920a3cf516382e320968c4a95573207b32bc0",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_live_update_7ae8a",
                    referencing="REFERENCING NEW TABLE AS new_values ",
                    table="events_adverseevent",
                    when="AFTER",
                ),
            ),
        ),
    ]
