"""The closing of a site keeps what the gates of patients know of it (ADR 0011).

The gates know nothing of it before patients.0012, and nothing is missed in between.
"""

import pgtrigger.compiler
from django.db import migrations

import portal.core.operations
import portal.core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("trials", "0005_references_of_records"),
        ("patients", "0010_references_of_records"),
    ]

    operations = [
        portal.core.operations.InstallTriggers(
            model_name="site",
            triggers=[
                pgtrigger.compiler.Trigger(
                    name="gate_updated",
                    sql=portal.core.triggers.GuardedLookupSql(
                        condition='WHEN (OLD."closed_at" IS DISTINCT FROM (NEW."closed_at"))',
                        func="PERFORM public.keep_upload_gates(ARRAY(SELECT p.id FROM public.patients_patient p WHERE p.site_id = NEW.id UNION SELECT s.patient_id FROM public.patients_patientsite s WHERE s.site_id = NEW.id)); RETURN NULL;",
                        hash="b43d56192f8808659c2134f2c7c06c83a9134d5f",
                        operation='UPDATE OF "closed_at"',
                        pgid="pgtrigger_gate_updated_66e0a",
                        table="trials_site",
                        when="AFTER",
                    ),
                ),
            ],
        ),
    ]
