"""Django's migrate, which then settles schemas and rights."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate

from portal.core import schemas
from portal.core.history import Source, acting, under
from portal.core.ids import SYSTEM_ACCOUNT


class Command(Migrate):
    """Migrate as the owner of the database (PORTAL_DB_ROLE=owner)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the migrations in the name of the system account."""
        super().handle(*args, **options)
        if options.get("plan") or options.get("check_unapplied"):
            return
        with under(source=Source.MIGRATION), acting(by=SYSTEM_ACCOUNT, reason="migrate"):
            schemas.settle()
