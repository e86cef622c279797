"""./run manage verify_audit: is the audit trail what was written? Exit 0 or 1."""

import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from portal.audit.verification import Report, verify
from portal.audit.witness import read_anchor
from portal.core import clock

SHOWN = 20
BAR = 30


class Command(BaseCommand):
    """Recompute all seals; name the first row that is not as it was, and why."""

    help = "Verify the audit trail; exit 1 and name the first bad row if it was tampered with"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to start and whom to believe."""
        parser.add_argument("--since", type=_seal, default=0, metavar="SEAL",
                            help="only what was sealed after this seal")  # fmt: skip
        parser.add_argument("--anchor", type=Path, metavar="FILE",
                            help="a witness's file, or a copy kept elsewhere")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify and tell. Raises: CommandError with exit status 1."""
        anchor = None
        if options["anchor"] is not None:
            try:
                anchor = read_anchor(options["anchor"])
            except OSError as error:
                raise CommandError(f"the anchor cannot be read: {error}") from error
        began = time.monotonic()
        bar = self._draw if sys.stderr.isatty() else None
        try:
            report = verify(now=clock.now(), since=options["since"], anchor=anchor, progress=bar)
        except DatabaseError as error:
            # A damaged page, a function that is gone: what cannot be read is not as it was.
            raise CommandError(f"the trail cannot be read: {error}") from error
        if bar:
            sys.stderr.write("\r\x1b[K")
        self._tell(report, time.monotonic() - began, anchored=anchor is not None)

    def _tell(self, report: Report, seconds: float, *, anchored: bool) -> None:
        told = f"{report.rows} rows of {report.tables} tables under {report.seals} seals"
        if report.is_clean:
            note = "" if anchored else "; no --anchor: a chain made anew would not be seen"
            self.stdout.write(f"OK: {told} in {seconds:.1f} s, head {report.head or 'none'}{note}")
            return
        for finding in report.findings[:SHOWN]:
            self.stderr.write(f"BAD: {finding}")
        raise CommandError(f"{len(report.findings)} findings in {told}: the first is above")

    def _draw(self, what: str, done: int, total: int) -> None:
        part = done / total if total else 1.0
        filled = int(BAR * part)
        bar = "█" * filled + "·" * (BAR - filled)
        sys.stderr.write(f"\r\x1b[K{bar} {part:4.0%} {done}/{total} {what}")
        sys.stderr.flush()


def _seal(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError("the number of a seal")
    return int(text)
