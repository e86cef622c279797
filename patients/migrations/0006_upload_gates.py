"""One row a patient of what judges uploads, kept by triggers (ADR 0011)."""

import django.db.models.deletion
import pgtrigger.compiler
from django.db import migrations, models

import portal.core.operations
import portal.core.triggers

# A gate counts for what was written strictly between the last fact that began or ended and the next
# one: within these limits each condition is what it is at any one point of them.
KEEP = """
CREATE FUNCTION public.keep_upload_gates(people uuid[]) RETURNS void
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
    -- First the lock. The next statement sees what those have written who held it before.
    INSERT INTO patients_uploadgate (patient_id, is_open)
    SELECT p.id, false FROM patients_patient p WHERE p.id = ANY (people) ORDER BY p.id
    ON CONFLICT (patient_id) DO UPDATE SET is_open = false;
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
REVOKE ALL ON FUNCTION public.keep_upload_gates(uuid[]) FROM PUBLIC;
"""


def _place(to: str, name: str) -> models.Field:
    return models.ForeignKey(
        to,
        verbose_name=name,
        on_delete=django.db.models.deletion.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0005_places_of_uploads"),
        ("trials", "0003_references_by_statement"),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadGate",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        "patients.Patient",
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        db_constraint=False,
                        verbose_name="patient",
                    ),
                ),
                ("is_open", models.BooleanField(default=False, verbose_name="open")),
                ("trial", _place("trials.trial", "trial")),
                ("site", _place("trials.site", "site")),
                ("captured_site", _place("trials.site", "site within the limits")),
                ("protocol_version", _place("trials.protocolversion", "protocol version")),
                ("from_at", models.DateTimeField(null=True, verbose_name="after")),
                ("to_at", models.DateTimeField(null=True, verbose_name="before")),
            ],
            options={
                "verbose_name": "gate of uploads",
                "verbose_name_plural": "gates of uploads",
            },
        ),
        migrations.RunSQL(KEEP, "DROP FUNCTION public.keep_upload_gates(uuid[])"),
        portal.core.operations.InstallTriggers(
            model_name="consent",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r )); RETURN NULL;",
                        hash="f3646e02154ef8580eea821d034b19f33724369c",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_c7f8c",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="patients_consent",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r  UNION SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="5dc264d26c965387c928757d73f8dfa731aca250",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_c363f",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_consent",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_deleted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="72bf1e8666d72a4657d03fcf6660950943d1ca18",
                        level="STATEMENT",
                        operation="DELETE",
                        pgid="pgtrigger_gate_deleted_83d1c",
                        referencing="REFERENCING OLD TABLE AS old_values ",
                        table="patients_consent",
                        when="AFTER",
                    ),
                ),
            ],
        ),
        portal.core.operations.InstallTriggers(
            model_name="consentwithdrawal",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT c.patient_id FROM new_values r JOIN patients_consent c ON c.id = r.consent_id)); RETURN NULL;",
                        hash="3f3d23f5a76cb490504b0d538b0f9c814ee96dcc",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_77cb6",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="patients_consentwithdrawal",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT c.patient_id FROM new_values r JOIN patients_consent c ON c.id = r.consent_id UNION SELECT c.patient_id FROM old_values r JOIN patients_consent c ON c.id = r.consent_id)); RETURN NULL;",
                        hash="811f4fada869d16f490f619e12bbaf135976e8fd",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_a0f1f",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_consentwithdrawal",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_deleted",
                    sql=portal.core.triggers.GuardedLookupSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT c.patient_id FROM old_values r JOIN patients_consent c ON c.id = r.consent_id)); RETURN NULL;",
                        hash="4585e0b551100cd4b646c36e56e4ee6f18e3f240",
                        level="STATEMENT",
                        operation="DELETE",
                        pgid="pgtrigger_gate_deleted_722f0",
                        referencing="REFERENCING OLD TABLE AS old_values ",
                        table="patients_consentwithdrawal",
                        when="AFTER",
                    ),
                ),
            ],
        ),
        portal.core.operations.InstallTriggers(
            model_name="patient",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT n.id FROM new_values n)); RETURN NULL;",
                        hash="b9e23fc151a1c6567629aa2f20b20bba9c0d5fbb",
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
                        func="PERFORM public.keep_upload_gates(ARRAY(\n    SELECT n.id FROM new_values n JOIN old_values o ON o.id = n.id\n    WHERE (n.site_id, n.participation, n.vital_status)\n        IS DISTINCT FROM (o.site_id, o.participation, o.vital_status)\n)); RETURN NULL;",
                        hash="b6cf5a815d52ebcf55120c8807e7c2273f298b3f",
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
            model_name="patientprotocolversion",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_inserted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r )); RETURN NULL;",
                        hash="e77654bebe922d74fd83e0f78a734b180385297d",
                        level="STATEMENT",
                        operation="INSERT",
                        pgid="pgtrigger_gate_inserted_46910",
                        referencing="REFERENCING NEW TABLE AS new_values ",
                        table="patients_patientprotocolversion",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r  UNION SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="2336fcec84be1d14285484d3a2a97568db112a43",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_41104",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_patientprotocolversion",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_deleted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="698d420b4a8d1cb3aa9a530f91698fa046fca0e0",
                        level="STATEMENT",
                        operation="DELETE",
                        pgid="pgtrigger_gate_deleted_f4809",
                        referencing="REFERENCING OLD TABLE AS old_values ",
                        table="patients_patientprotocolversion",
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
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r )); RETURN NULL;",
                        hash="ff3e0dce6656a44cd43b2c76c550035493ee7685",
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
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM new_values r  UNION SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="d0ef4a8b0bb41b35614a4abcafc1785c0f562bba",
                        level="STATEMENT",
                        operation="UPDATE",
                        pgid="pgtrigger_gate_updated_4ed84",
                        referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                        table="patients_patientsite",
                        when="AFTER",
                    ),
                ),
                pgtrigger.compiler.Trigger(
                    name="gate_deleted",
                    sql=portal.core.triggers.GuardedTriggerSql(
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT r.patient_id FROM old_values r )); RETURN NULL;",
                        hash="4aef9c1311e8c2bc74484b259028ff0a12fdd9da",
                        level="STATEMENT",
                        operation="DELETE",
                        pgid="pgtrigger_gate_deleted_54ec5",
                        referencing="REFERENCING OLD TABLE AS old_values ",
                        table="patients_patientsite",
                        when="AFTER",
                    ),
                ),
            ],
        ),
    ]
