"""`manage.py live_relay`: publish what was committed to the live topics, until stopped."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from portal.live import relay


class Command(BaseCommand):
    """Publish what was committed to the live topics, until stopped."""

    help = "Publish what was committed to the live topics, until stopped."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until TERM or Ctrl-C."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        await relay.run(stopped)
