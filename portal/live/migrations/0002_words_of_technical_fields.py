"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("live", "0001_initial")]

    operations = [
        Reword(
            {
                "liveconnection": {
                    "close_requested_by": "to be closed by",
                },
                "pendingupdate": {
                    "created_at": "created",
                    "records": "records",
                    "resource": "resource",
                    "site_id": "site",
                    "trial_id": "trial",
                },
                "usedticket": {
                    "used_at": "used",
                },
            },
        )
    ]
