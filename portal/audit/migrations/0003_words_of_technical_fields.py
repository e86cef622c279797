"""What the desk calls the fields and tables that only programs write."""

from django.db import migrations

from portal.core.operations import Reword


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_sealing")]

    operations = [
        Reword(
            {
                "seal": {
                    "after_id": "after row",
                    "number": "number",
                    "row_count": "rows",
                    "sampled_id": "highest row seen",
                    "sampled_xid": "transaction",
                    "total_count": "rows in all",
                    "upto_id": "up to row",
                },
                "seallayout": {
                    "columns": "columns",
                    "table_name": "table",
                },
                "sealpart": {
                    "after_id": "after row",
                    "row_count": "rows",
                    "seal": "seal",
                    "table_name": "table",
                    "upto_id": "up to row",
                },
            },
            names={
                "seallayout": ("columns of a sealed table", "columns of sealed tables"),
                "sealpart": ("part of a seal", "parts of seals"),
            },
        )
    ]
