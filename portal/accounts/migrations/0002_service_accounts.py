"""The service accounts: who writes when no person does. Nobody can sign in with them."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import migrations

from portal.core.history import Source, acting, under
from portal.core.ids import SERVICE_ACCOUNTS, SYSTEM_ACCOUNT

DISPLAY_NAMES = {
    "import": "Import",
    "pipeline": "Pipeline",
    "intake": "Intake",
    "system": "System",
}


def create(apps: Any, schema_editor: Any) -> None:
    """Make the four accounts with their fixed ids, in the name of the system account."""
    users = apps.get_model("accounts", "User")
    with under(source=Source.MIGRATION), acting(by=SYSTEM_ACCOUNT, reason="service accounts"):
        users.objects.bulk_create(
            [
                users(
                    id=key,
                    username=name,
                    display_name=DISPLAY_NAMES[name],
                    kind="service",
                    password=make_password(None),
                )
                for name, key in SERVICE_ACCOUNTS.items()
            ]
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_users_and_sessions")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
