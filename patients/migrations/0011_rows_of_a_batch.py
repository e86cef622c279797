"""The types of the rows that a batch of intake brings (patients.intake.rows, ADR 0011)."""

from django.db import migrations

MAKE = """
CREATE TYPE public.sent_upload AS (
    id uuid, session uuid, person uuid, is_device bool, patient uuid, submission uuid,
    authored_at timestamptz, received_at timestamptz, raw bytea, digest bytea
);
CREATE TYPE public.sent_report AS (
    id uuid, session uuid, person uuid, is_device bool, patient uuid, submission uuid,
    authored_at timestamptz, received_at timestamptz, raw bytea, digest bytea,
    instrument text, instrument_version text, language text, started_at timestamptz,
    completed_at timestamptz, saved_at timestamptz, time_zone text, clock_offset bigint,
    app_version text, device text, assignment uuid, originator text, originator_person text,
    originator_reason text, edits jsonb
);
CREATE TYPE public.sent_device_reading AS (
    upload uuid, place smallint, identifier text, is_own bool, measured_at timestamptz,
    aside uuid, raw bytea, digest bytea
);
CREATE TYPE public.sent_repeat AS (patient uuid, submission uuid);
CREATE TYPE public.sent_refusal AS (
    id uuid, session uuid, person uuid, is_device bool, patient uuid, submission uuid,
    received_at timestamptz, is_kept bool, resource text, reason text, code text, errors jsonb,
    record uuid, raw bytea, digest bytea
);
"""
UNMAKE = """
DROP TYPE public.sent_upload, public.sent_report, public.sent_device_reading, public.sent_repeat,
    public.sent_refusal;
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0010_references_of_records")]

    operations = [migrations.RunSQL(MAKE, UNMAKE)]
