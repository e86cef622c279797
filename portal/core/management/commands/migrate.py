"""Django's migrate, which lets traffic pass and then settles schemas and rights."""

import time
from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import OperationalError, connection

from portal.core import schemas
from portal.core.history import Source, acting, under
from portal.core.ids import SYSTEM_ACCOUNT

# A migration that does not get its lock at once stands in nobody's way, and comes again.
MOST_TRIES = 100
PAUSE_SECONDS = 1.0
_LOCK_NOT_AVAILABLE = "55P03"


class Command(Migrate):
    """Migrate as the owner of the database (PORTAL_DB_ROLE=owner)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the migrations in the name of the system account."""
        for number in range(MOST_TRIES):
            try:
                self._migrate(*args, **options)
            except OperationalError as error:
                if _sqlstate(error) != _LOCK_NOT_AVAILABLE or number == MOST_TRIES - 1:
                    raise
                # What was migrated until then is committed.
                connection.close()
                self.stderr.write("A table is in use; trying again.")
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def _migrate(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options.get("plan") or options.get("check_unapplied"):
            return
        with under(source=Source.MIGRATION), acting(by=SYSTEM_ACCOUNT, reason="migrate"):
            schemas.settle()


def _sqlstate(error: OperationalError) -> str:
    return str(getattr(error.__cause__, "sqlstate", None) or "")
