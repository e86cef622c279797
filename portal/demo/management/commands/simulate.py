"""Act as the phones and bedside monitors of a trial, until Ctrl-C."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from portal.core import clock
from portal.core.errors import DomainError
from portal.demo.generator.design import PHASE_3
from portal.demo.management.commands.demo import refuse_where_others_reach_it
from portal.demo.simulation.connection import Connection, ConnectionBroken
from portal.demo.simulation.crowd import Crowd
from portal.demo.simulation.handsets import hand_out
from portal.demo.simulation.nurse import Nurse, beds_of
from trials.models import Trial

LOCAL = "http://127.0.0.1:8000"


class Command(BaseCommand):
    """Send reports and readings through the public API, as phones and monitors would."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how many, how fast, whose."""
        parser.add_argument(
            "--patients",
            type=_whole,
            default=20,
            metavar="N",
            help="phones, a third at monitors (20)",
        )
        parser.add_argument(
            "--rate",
            type=_positive,
            default=2.0,
            metavar="R",
            help="uploads a second, of all phones (2)",
        )
        parser.add_argument(
            "--trial", default=PHASE_3.number, metavar="T", help=f"its number ({PHASE_3.number})"
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed, other people (1)")
        parser.add_argument(
            "--url", default=os.environ.get("PORTAL_URL") or LOCAL, help=f"the portal ({LOCAL})"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Hand out tokens, then use nothing but HTTP."""
        refuse_where_others_reach_it()
        found = list(Trial.objects.filter(number=options["trial"]))
        if len(found) != 1:
            how_many = "no trial" if not found else "more than one trial"
            raise CommandError(f"there is {how_many} {options['trial']!r}: choose one by --trial")
        begins = clock.now()
        try:
            handsets = hand_out(found[0], options["patients"], begins)
            beds = beds_of(handsets, begins)
        except KeyboardInterrupt:
            raise CommandError("stopped before anything was sent") from None
        except DomainError as error:
            raise CommandError(f"trial {options['trial']}: {error.detail}") from error
        connection.close()
        crowd = Crowd(
            handsets,
            url=options["url"],
            seed=options["seed"],
            begins=begins,
            rate=options["rate"],
        )
        nurse = Nurse(beds, url=options["url"], seed=options["seed"])
        asyncio.run(self._run(crowd, nurse, options["url"]))
        self._show("")
        self.stdout.write(crowd.line())

    async def _run(self, crowd: Crowd, nurse: Nurse, url: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, task.cancel)
        await _answers(url)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(crowd.run(self._show), nurse.walk())

    def _show(self, line: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()


async def _answers(url: str) -> None:
    """Raises: CommandError where nothing listens."""
    probe = Connection(url)
    try:
        await probe.request("GET", "/healthz", seconds=5)
    except ConnectionBroken:
        raise CommandError(f"nothing answers at {url}: start the portal with ./run") from None
    finally:
        probe.close()


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 10_000:
        raise ValueError
    return number
