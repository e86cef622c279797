"""Move what the pipeline said of a report from the report to its processing."""

from django.db import migrations

MOVE = """
SELECT set_config('portal.actor', '00000000-0000-7000-8000-000000000004', true),
       set_config('portal.source', 'migration', true),
       set_config('portal.reason', 'status of reports moved to their processing', true);
INSERT INTO patients_reportprocessing (
    id, created_at, version, patient_id, trial_id, site_id, report_id,
    status, attempts, last_error, processed_at, pipeline_version
)
SELECT gen_random_uuid(), r.received_at, 1, r.patient_id, r.trial_id, r.site_id, r.id,
       r.status, 1,
       CASE WHEN r.status = 'failed' AND r.last_error = '' THEN 'unknown' ELSE r.last_error END,
       CASE WHEN r.status = 'processed' THEN r.received_at END, ''
FROM patients_eproreport r WHERE r.status IN ('processing', 'processed', 'failed');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0002_intake")]

    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="eproreport",
            name="report_status_is_known",
        ),
        migrations.RemoveField(
            model_name="eproreport",
            name="last_error",
        ),
        migrations.RemoveField(
            model_name="eproreport",
            name="status",
        ),
    ]
