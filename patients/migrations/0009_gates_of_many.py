"""Gates of thousands at once: what stays closed is not written, who never consented not looked at."""

from django.db import migrations

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
        from_at = f.from_at, to_at = f.to_at
    FROM (
        SELECT p.id, p.trial_id, p.site_id, coalesce(stay.site_id, p.site_id) AS captured_site_id,
            followed.protocol_version_id, span.from_at, span.to_at
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
        WHERE p.id = ANY (people) AND p.vital_status <> 'dead'
          AND p.participation NOT IN (
            'screen_failed', 'completed', 'discontinued', 'lost_to_follow_up')
          AND EXISTS (SELECT 1 FROM patients_consent c WHERE c.patient_id = p.id)
          AND (span.to_at IS NULL OR point.at < span.to_at)
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


class Migration(migrations.Migration):
    dependencies = [("patients", "0008_words_of_technical_fields")]

    operations = [migrations.RunSQL(KEEP, migrations.RunSQL.noop)]
