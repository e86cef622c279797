"""Trial and site of the rows of the upload path come from the patient's: no constraint asks again.

Both are kept from being deleted by trials' 0002. The index answers which diary day is due.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import AlterField

from portal.core.operations import AlterTogether

TABLES = ("diaryanswer", "eproreport", "reportprocessing", "vitalsign", "vitalsupload")


def _trial() -> models.Field:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="trials.trial",
        verbose_name="trial",
    )


def _site() -> models.Field:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="trials.site",
        verbose_name="site",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0003_samples"),
        ("trials", "0002_never_deleted"),
    ]

    operations = [
        AlterTogether(
            [AlterField(table, "trial", _trial()) for table in TABLES]
            + [AlterField(table, "site", _site()) for table in TABLES]
        ),
        migrations.AddIndex(
            "diaryassignment",
            models.Index(fields=["patient", "instrument", "-opens_at"], name="diaryassignment_due"),
        ),
    ]
