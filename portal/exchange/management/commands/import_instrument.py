"""Store an instrument from a file, and plan it into a trial."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.ids import IMPORT_ACCOUNT
from portal.exchange.instruments.files import read
from trials.models import Trial
from trials.services.instruments import store_instrument


class Command(BaseCommand):
    help = (
        "Store one version of an instrument: the portal's JSON, a FHIR R4 Questionnaire or a "
        "PRO-CTCAE item list (CSV). The same file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be chosen."""
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--grades",
            type=Path,
            metavar="FILE",
            help="composite grade map (CSV) of an item list; default: composite_grade_map.csv "
            "beside it",
        )
        parser.add_argument("--code", default="", help="default: what the file says")
        parser.add_argument("--instrument-version", default="", metavar="VERSION")
        parser.add_argument("--title", default="")
        parser.add_argument("--trial", default="", metavar="NUMBER", help="plan it into this trial")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--by", default="", metavar="USERNAME", help="default: import")

    def handle(self, *_: Any, **options: Any) -> None:
        """Store the instrument; every refusal is one line, and so is every fault of the file."""
        try:
            self._store(options)
        except DomainError as error:
            faults = [f"  {one.pointer or '/'}: {one.detail}" for one in error.errors]
            raise CommandError("\n".join([error.detail, *faults])) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _store(self, options: dict[str, Any]) -> None:
        draft = read(options["file"], options["grades"])
        code = options["code"] or draft.code
        version = options["instrument_version"] or draft.version
        if not code or not version:
            raise CommandError(
                "The file names no code or version: give --code and --instrument-version."
            )
        stored = store_instrument(
            code=code,
            version=version,
            title=options["title"] or draft.title or code,
            definition=draft.definition,
            by=_actor(options["by"]),
            at=clock.now(),
            reason=options["reason"],
            trial=_trial(options["trial"]),
        )
        for remark in draft.remarks:
            self.stderr.write(f"note: {remark}")
        self.stdout.write(f"{stored.instrument}: {'stored' if stored.is_new else 'there already'}")


def _actor(username: str) -> User:
    if not username:
        return User.objects.get(pk=IMPORT_ACCOUNT)
    user = User.objects.named(username).first()
    if user is None or not user.is_active:
        raise CommandError(f"There is no active account {username!r}.")
    return user


def _trial(number: str) -> Trial | None:
    if not number:
        return None
    found = list(Trial.objects.filter(number=number)[:2])
    if len(found) != 1:
        raise CommandError(f"There is no one trial with the number {number!r}.")
    return found[0]
