"""Fill an empty portal with the demo."""

import ipaddress
import os
import sys
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from portal.core import clock
from portal.demo.services import HoldsTrials, make_demo
from portal.demo_accounts import DEMO_PASSWORD, HOLDS_OTHER_TRIALS


class Command(BaseCommand):
    """Fill an empty portal with the demo: equal data for an equal day and seed."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the day and the seed."""
        parser.add_argument(
            "--as-of", type=date.fromisoformat, help="the demo's day (today, UTC), YYYY-MM-DD"
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed, another demo (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the demo, or say why not."""
        refuse_where_others_reach_it()
        now = clock.now()
        as_of = options["as_of"] or now.date()
        if as_of > now.date():
            raise CommandError(f"{as_of} lies ahead: choose today or a day before")
        with Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("demo")
            try:
                made = make_demo(
                    as_of=as_of,
                    seed=options["seed"],
                    password=os.environ.get("PORTAL_DEMO_PASSWORD") or DEMO_PASSWORD,
                    at=now,
                    progress=lambda name, place, steps: bar.update(
                        task, description=name, completed=place - 1, total=steps
                    ),
                )
            except HoldsTrials as error:
                raise CommandError(error.detail, returncode=HOLDS_OTHER_TRIALS) from None
            bar.update(task, description="done", completed=bar.tasks[0].total)
        self.stdout.write(f"{made} records made" if made else "the demo is there already")


def refuse_where_others_reach_it() -> None:
    """Raises: CommandError in production mode or where the portal is not bound to loopback.

    The demo's password is public; PORTAL_HOST is what the supervisor listens on.
    """
    if settings.PRODUCTION:
        raise CommandError("there is no demo in production mode: its password is public")
    host = os.environ.get("PORTAL_HOST") or "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise CommandError(f"there is no demo on {host}: its password is public, use 127.0.0.1")
