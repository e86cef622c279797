"""./run manage seal_audit: seal what was committed, and publish the head of the chain."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.audit.models import Seal
from portal.audit.sealing import seal_all
from portal.audit.witness import WitnessDisagrees, witnesses


class Command(BaseCommand):
    """Seal everything written before the call; wait for running transactions."""

    help = "Seal the audit trail up to now and publish the head to the witnesses"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how long to wait."""
        parser.add_argument("--seconds", type=float, default=60.0, help="wait that long at most")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal, and say where the chain stands."""
        try:
            complete = seal_all(seconds=options["seconds"])
        except WitnessDisagrees as error:
            raise CommandError(str(error)) from error
        last = Seal.objects.order_by("-number").first()
        if last is not None:
            head = f"seal {last.number}, {last.total_count} rows, {bytes(last.hash).hex()}"
            self.stdout.write(f"{head} -> {', '.join(map(str, witnesses()))}")
        if not complete:
            raise CommandError("a transaction that was running before still runs: try again later")
