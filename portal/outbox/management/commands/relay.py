"""`manage.py relay`: hand what is due to the workers, until stopped."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from portal.core.priority import give_way
from portal.outbox.relay import Relay


class Command(BaseCommand):
    """Hand what is due to the workers, until stopped."""

    help = "Hand what is due in the outbox to the workers, until stopped."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until TERM or Ctrl-C."""
        relay = Relay()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, relay.stop)
        give_way()
        relay.run()
