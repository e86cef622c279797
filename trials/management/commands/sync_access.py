"""Rebuild the index of rights from the assignments."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.core import clock
from trials.services.access import sync_access


class Command(BaseCommand):
    """Rebuild the index of rights from the assignments; twice is the same as once."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and say what changed."""
        changed = sync_access(at=clock.now())
        self.stdout.write(f"{changed} rows changed")
