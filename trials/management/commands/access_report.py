"""Say who had what access on a day."""

import csv
import os
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from portal.access.reports import Access, access_during
from portal.core import clock
from portal.core.spreadsheets import cell
from trials.models import Trial
from trials.services.reviews import days

COLUMNS = ("person", "name", "organization", "via", "what", "scope", "place", "from", "until")


class Command(BaseCommand):
    help = "Say who had what access on a day (UTC), from history: roles, tasks, shared patients."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be chosen."""
        parser.add_argument("--on", required=True, type=_day, metavar="DATE", help="YYYY-MM-DD")
        parser.add_argument("--trial", default="", metavar="NUMBER", help="default: everything")
        parser.add_argument("--csv", type=Path, metavar="FILE", help="default: to the terminal")

    def handle(self, *_: Any, **options: Any) -> None:
        """Write the report."""
        on: date = options["on"]
        if on > clock.now().date():
            raise CommandError(f"{on} has not come yet.")
        trials = list(Trial.objects.filter(number=options["trial"])) if options["trial"] else [None]
        if not trials:
            raise CommandError(f"There is no trial {options['trial']!r}.")
        entries = [
            entry
            for trial in trials
            for entry in access_during(days(on, on), trial.pk if trial else None)
        ]
        if options["csv"] is None:
            _write(entries, self.stdout)  # type: ignore[arg-type]
            return
        try:
            _save(entries, options["csv"])
        except OSError as error:
            raise CommandError(f"{options['csv']}: {error.strerror}") from error
        self.stdout.write(f"{len(entries)} entries written to {options['csv']}")


def _save(entries: Iterable[Access], path: Path) -> None:
    """Write beside `path` and rename: a file that is there is whole, and for its owner alone."""
    handle, draft = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            _write(entries, file)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _write(entries: Iterable[Access], file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        until = entry.window.until
        writer.writerow(
            cell(text)
            for text in (
                entry.username,
                entry.display_name,
                entry.organization,
                entry.via,
                entry.what,
                entry.scope,
                entry.place_name,
                entry.window.since.isoformat(),
                until.isoformat() if until else "",
            )
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a day is written YYYY-MM-DD") from None
