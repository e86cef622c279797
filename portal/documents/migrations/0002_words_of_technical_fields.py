"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        Reword(
            {
                "report": {
                    "extension": "file ending",
                    "failure_code": "code of the failure",
                    "held": "rights when asked for",
                },
                "reporthistory": {
                    "extension": "file ending",
                    "failure_code": "code of the failure",
                },
                "reportlease": {
                    "report": "report",
                },
                "reportprogress": {
                    "report": "report",
                },
            },
        )
    ]
