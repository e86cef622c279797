"""An update of a person's own topic belongs to no trial and no site."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("live", "0001_initial")]

    operations = [
        migrations.AlterField("pendingupdate", "trial_id", models.UUIDField(null=True)),
        migrations.AlterField("pendingupdate", "site_id", models.UUIDField(null=True)),
    ]
