"""Gates for the patients who are there, a few at a time: until then, the facts judge their uploads.

The triggers stand already. Whatever has been done may be done again.
"""

from django.db import migrations

AT_ONCE = 500


def open_gates(apps, schema_editor):
    """Put the gates together in transactions of their own, so that nobody waits for all of them."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM patients_patient ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            cursor.execute("SELECT public.keep_upload_gates(%s)", [some])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("patients", "0006_upload_gates")]

    operations = [migrations.RunPython(open_gates, migrations.RunPython.noop)]
