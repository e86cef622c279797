"""`manage.py watch_notices`: escalate what nobody has acknowledged, until stopped."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from portal.notices.watcher import Watcher


class Command(BaseCommand):
    """Escalate what nobody has acknowledged, and send letters, until stopped."""

    help = "Escalate what nobody has acknowledged, and send letters, until stopped."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until TERM or Ctrl-C."""
        watcher = Watcher()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, watcher.stop)
        watcher.run()
