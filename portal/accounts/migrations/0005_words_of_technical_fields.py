"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_references_by_statement")]

    operations = [
        Reword(
            {
                "refreshtoken": {
                    "expires_at": "expires",
                    "issued_at": "issued",
                    "session": "session",
                    "used_at": "used",
                    "used_by_client": "digest of the client",
                },
                "refreshtokenhistory": {
                    "expires_at": "expires",
                    "issued_at": "issued",
                    "session": "session",
                    "used_at": "used",
                    "used_by_client": "digest of the client",
                },
                "rightschange": {
                    "noted_at": "noted",
                },
                "signincounter": {
                    "failures": "failures",
                    "in_flight": "being tried",
                    "touched_at": "last tried",
                    "window_started_at": "counted since",
                },
            },
        )
    ]
