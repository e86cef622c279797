"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("access", "0002_whose_rights_changed")]

    operations = [
        Reword(
            {
                "portaluserpermission": {
                    "permission": "right",
                    "user": "person",
                    "valid_from": "from",
                    "valid_until": "until",
                },
            },
            names={
                "portaluserpermission": ("right everywhere", "rights everywhere"),
            },
        )
    ]
