"""Work at the reports that were asked for, until stopped."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from portal.documents.runner import Runner


class Command(BaseCommand):
    help = "Work at the reports that were asked for, until stopped."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until TERM or INT."""
        runner = Runner()
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, runner.stop)
        runner.run()
