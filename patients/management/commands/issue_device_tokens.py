"""Issue device tokens to the enrolled patients of a trial."""

import os
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from patients.services.phones import hand_out_phones
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.ids import SYSTEM_ACCOUNT
from trials.models import Trial

MOST = 1_000_000


class Command(BaseCommand):
    help = "Write `patient_id<TAB>device token` lines for the enrolled patients of a trial."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be chosen."""
        parser.add_argument("--trial", required=True, metavar="NUMBER")
        parser.add_argument("--sponsor", default="", metavar="NAME", help="where numbers repeat")
        parser.add_argument(
            "--count",
            type=_count,
            metavar="N",
            help="how many (one for each patient); more than patients: several phones each",
        )
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace an existing file")

    def handle(self, *_: Any, **options: Any) -> None:
        """Issue and write; every refusal is one line, and then nothing is issued."""
        out: Path = options["out"]
        if out.exists() and not options["force"]:
            raise CommandError(f"{out} exists; --force replaces it.")
        trial = _trial(options["trial"], options["sponsor"])
        try:
            count = self._issue(trial, options["count"], out)
        except DomainError as error:
            raise CommandError(f"Trial {trial.number}: {error.detail}") from error
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted; nothing was issued.") from None
        self.stdout.write(f"{count} device tokens written to {out}")

    def _issue(self, trial: Trial, count: int | None, out: Path) -> int:
        """Write beside `out` and rename after the commit: a file that is there is whole."""
        by = User.objects.get(pk=SYSTEM_ACCOUNT)
        written = 0
        with _draft(out) as (file, path):
            with transaction.atomic():
                pairs = hand_out_phones(
                    trial=trial, count=count, by=by, at=clock.now(), reason="device tokens issued"
                )
                for written, (patient, token) in enumerate(pairs, start=1):
                    file.write(f"{patient}\t{token}\n")
                    if written % 500 == 0:
                        self._show(written)
                file.flush()
                os.fsync(file.fileno())
            path.replace(out)
        self._show(0)
        return written

    def _show(self, written: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{written} tokens" if written else "\r\033[K")
            sys.stderr.flush()


@contextmanager
def _draft(out: Path) -> Iterator[tuple[IO[str], Path]]:
    """Give a file that only we may read, in the folder of `out`; gone unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=out.absolute().parent, prefix=f".{out.name}-")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def _trial(number: str, sponsor: str) -> Trial:
    trials = Trial.objects.filter(number=number).select_related("sponsor")
    if sponsor:
        trials = trials.filter(sponsor__name=sponsor)
    found = list(trials.order_by("sponsor__name"))
    whose = f" of {sponsor!r}" if sponsor else ""
    if not found:
        raise CommandError(f"There is no trial {number!r}{whose}.")
    if len(found) > 1:
        names = ", ".join(trial.sponsor.name for trial in found)
        raise CommandError(f"Several sponsors have a trial {number!r}: choose by --sponsor {names}")
    return found[0]


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"a number from 1 to {MOST:,}")
    return int(text)
