"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("trials", "0003_references_by_statement")]

    operations = [
        Reword(
            {
                "siteuserpermission": {
                    "content_object": "site",
                    "permission": "right",
                    "user": "person",
                    "valid_from": "from",
                    "valid_until": "until",
                },
                "trialuserpermission": {
                    "content_object": "trial",
                    "permission": "right",
                    "user": "person",
                    "valid_from": "from",
                    "valid_until": "until",
                },
            },
            names={
                "siteuserpermission": ("right at a site", "rights at sites"),
                "trialuserpermission": ("right at a trial", "rights at trials"),
            },
        )
    ]
