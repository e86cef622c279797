"""Gates know the sessions of the patient's phones, and when the site closes (ADR 0011).

The triggers of sessions, accounts and sites stand already: the gates are put together anew when all
of it is there. Whatever has been done may be done again.
"""

from importlib import import_module

import django.contrib.postgres.fields
import pgtrigger.compiler
from django.db import migrations, models

import portal.core.operations
import portal.core.triggers

FORMER = import_module("patients.migrations.0009_gates_of_many")
AT_ONCE = 500
KEEP = """
CREATE OR REPLACE FUNCTION public.keep_upload_gates(people uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    present timestamptz := clock_timestamp();
BEGIN
    IF cardinality(people) = 0 THEN
        RETURN;
    END IF;
    -- First the lock, which a closed gate has too, though nothing of it is written. The next
    -- statement sees what those have written who held it before.
    INSERT INTO patients_uploadgate (patient_id, is_open)
    SELECT p.id, false FROM patients_patient p WHERE p.id = ANY (people) ORDER BY p.id
    ON CONFLICT (patient_id) DO UPDATE SET is_open = false WHERE patients_uploadgate.is_open;
    UPDATE patients_uploadgate g
    SET is_open = true, trial_id = f.trial_id, site_id = f.site_id,
        captured_site_id = f.captured_site_id, protocol_version_id = f.protocol_version_id,
        from_at = f.from_at, to_at = f.to_at,
        sessions = f.sessions, persons = f.persons, ends_at = f.ends_at
    FROM (
        SELECT p.id, p.trial_id, p.site_id, coalesce(stay.site_id, p.site_id) AS captured_site_id,
            followed.protocol_version_id, span.from_at, span.to_at,
            phones.sessions, phones.persons, phones.ends_at
        FROM patients_patient p
        CROSS JOIN LATERAL (
            SELECT max(fact.at) FILTER (WHERE fact.at <= present) AS from_at,
                min(fact.at) FILTER (WHERE fact.at > present) AS to_at
            FROM (
                SELECT c.signed_at AS at FROM patients_consent c WHERE c.patient_id = p.id
                UNION ALL
                SELECT w.withdrawn_at FROM patients_consentwithdrawal w
                JOIN patients_consent c ON c.id = w.consent_id WHERE c.patient_id = p.id
                UNION ALL
                SELECT unnest(ARRAY[s.from_at, s.to_at]) FROM patients_patientsite s
                WHERE s.patient_id = p.id
                UNION ALL
                SELECT unnest(ARRAY[v.from_at, v.to_at]) FROM patients_patientprotocolversion v
                WHERE v.patient_id = p.id
                UNION ALL
                SELECT t.closed_at FROM trials_site t WHERE t.id = p.site_id
                UNION ALL
                SELECT t.closed_at FROM patients_patientsite s
                JOIN trials_site t ON t.id = s.site_id WHERE s.patient_id = p.id
            ) fact
        ) span
        CROSS JOIN LATERAL (
            SELECT coalesce(
                span.from_at + interval '1 microsecond', span.to_at - interval '1 microsecond',
                present) AS at
        ) point
        LEFT JOIN LATERAL (
            SELECT s.site_id FROM patients_patientsite s
            WHERE s.patient_id = p.id AND (s.from_at IS NULL OR s.from_at <= point.at)
              AND (s.to_at IS NULL OR s.to_at > point.at) LIMIT 1
        ) stay ON true
        LEFT JOIN LATERAL (
            SELECT v.protocol_version_id FROM patients_patientprotocolversion v
            WHERE v.patient_id = p.id AND tstzrange(v.from_at, v.to_at) @> point.at
            ORDER BY v.from_at DESC LIMIT 1
        ) followed ON true
        CROSS JOIN LATERAL (
            SELECT array_agg(o.id) AS sessions, array_agg(o.user_id) AS persons,
                array_agg(o.expires_at) AS ends_at
            FROM (
                SELECT s.id, s.user_id, s.expires_at FROM accounts_session s
                JOIN accounts_user u ON u.id = s.user_id
                    AND u.is_active AND u.session_version = s.session_version
                WHERE s.patient_id = p.id AND s.kind = 'device' AND s.revoked_at IS NULL
                ORDER BY s.expires_at DESC, s.id DESC LIMIT 8
            ) o
        ) phones
        WHERE p.id = ANY (people) AND p.vital_status <> 'dead'
          AND p.participation NOT IN (
            'screen_failed', 'completed', 'discontinued', 'lost_to_follow_up')
          AND EXISTS (SELECT 1 FROM patients_consent c WHERE c.patient_id = p.id)
          AND (span.to_at IS NULL OR point.at < span.to_at)
          AND NOT EXISTS (
            SELECT 1 FROM trials_site t
            WHERE t.id = coalesce(stay.site_id, p.site_id) AND t.closed_at < point.at)
          AND EXISTS (
            SELECT 1 FROM (
                SELECT c.id, c.choices FROM patients_consent c
                WHERE c.patient_id = p.id AND c.signed_at <= point.at
                ORDER BY c.signed_at DESC, c.id DESC LIMIT 1
            ) c
            WHERE c.choices -> 'main' IN ('true'::jsonb, '"yes"'::jsonb)
              AND NOT EXISTS (
                SELECT 1 FROM patients_consentwithdrawal w
                WHERE w.consent_id = c.id AND w.purposes @> '"main"'::jsonb
                  AND w.withdrawn_at <= point.at))
    ) f
    WHERE g.patient_id = f.id;
END $$;
"""


def _list(of, name):
    return django.contrib.postgres.fields.ArrayField(
        base_field=of, null=True, size=None, verbose_name=name
    )


def put_together(apps, schema_editor):
    """Put the gates together in transactions of their own, so that nobody waits for all of them."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM patients_patient ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            cursor.execute("SELECT public.keep_upload_gates(%s)", [some])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("patients", "0011_rows_of_a_batch"),
        ("accounts", "0006_sessions_behind_gates"),
        ("trials", "0006_closings_behind_gates"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE patients_uploadgate ADD COLUMN IF NOT EXISTS sessions uuid[], "
            "ADD COLUMN IF NOT EXISTS persons uuid[], "
            "ADD COLUMN IF NOT EXISTS ends_at timestamptz[]",
            "ALTER TABLE patients_uploadgate DROP COLUMN IF EXISTS sessions, "
            "DROP COLUMN IF EXISTS persons, DROP COLUMN IF EXISTS ends_at",
            state_operations=[
                migrations.AddField(
                    "uploadgate", "sessions", _list(models.UUIDField(), "sessions")
                ),
                migrations.AddField("uploadgate", "persons", _list(models.UUIDField(), "people")),
                migrations.AddField(
                    "uploadgate", "ends_at", _list(models.DateTimeField(), "expires")
                ),
            ],
        ),
        migrations.RunSQL(KEEP, FORMER.KEEP),
        portal.core.operations.InstallTriggers(
            model_name="patient",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM FROM public.trials_site t WHERE t.id = ANY (ARRAY(SELECT r.site_id FROM new_values r)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(SELECT n.id FROM new_values n)); RETURN NULL;",
                        hash="1e7a89b4f99998a02a53db80b6e40a929363c0b3",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_80ac8",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="patients_patient",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM FROM public.trials_site t WHERE t.id = ANY (ARRAY(SELECT b.site_id FROM (SELECT r.id, r.site_id FROM new_values r EXCEPT SELECT r.id, r.site_id FROM old_values r) b)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(\n    SELECT n.id FROM new_values n JOIN old_values o ON o.id = n.id\n    WHERE (n.site_id, n.participation, n.vital_status)\n        IS DISTINCT FROM (o.site_id, o.participation, o.vital_status)\n)); RETURN NULL;",
                        hash="a145e09929bdfa9f3897eef9f06dfa40693a4ce3",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_cd367",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_patient",
                        when="AFTER",
                    ),
                ),
            ],
        ),
        portal.core.operations.InstallTriggers(
            model_name="patientsite",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM FROM public.trials_site t WHERE t.id = ANY (ARRAY(SELECT r.site_id FROM new_values r)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r )); RETURN NULL;",
                        hash="7e71dcbc51c66d5553b84fc94cc2ffcdfd3453f1",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_a4016",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="patients_patientsite",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM FROM public.trials_site t WHERE t.id = ANY (ARRAY(SELECT b.site_id FROM (SELECT r.id, r.patient_id, r.site_id FROM new_values r EXCEPT SELECT r.id, r.patient_id, r.site_id FROM old_values r) b)) ORDER BY t.id FOR SHARE; PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r  UNION SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="0cfb150d995603c23e6393b88dba6e2a7428e2a3",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_4ed84",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_patientsite",
                        when="AFTER",
                    ),
                ),
            ],
        ),
        migrations.RunPython(put_together, migrations.RunPython.noop),
    ]
