"""Import a folder of SDTM datasets as one trial."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from portal.access.roles import ROLES, Level
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.ids import IMPORT_ACCOUNT
from portal.exchange.sdtm.importing.report import Reporter
from portal.exchange.sdtm.importing.study import Choices, import_study
from portal.exchange.sdtm.reading.folder import read_folder
from trials.models import Trial
from trials.services.assignments import assign_role


class Command(BaseCommand):
    help = (
        "Import a folder of SDTM datasets (SAS XPT, Dataset-JSON) as one trial, in one transaction."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be chosen."""
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument("--trial", default="", metavar="NUMBER", help="default: STUDYID")
        parser.add_argument("--sponsor", default="", metavar="NAME", help="default: TS SPONSOR")
        parser.add_argument(
            "--assign",
            action="append",
            default=[],
            metavar="USERNAME:ROLE",
            help="give somebody a role in the new trial; may be repeated",
        )
        parser.add_argument("--unblinded", action="store_true", help="the trial is unblinded")
        parser.add_argument("--by", default="", metavar="USERNAME", help="default: import")
        parser.add_argument("--zone", default="", metavar="ZONE", help="IANA zone of its sites")
        parser.add_argument(
            "--evaluate",
            action="store_true",
            help="let the rules in force look at the readings; without it an import alerts nobody",
        )
        parser.add_argument("--dry-run", action="store_true", help="import nothing, only report")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the import; every refusal is one line."""
        try:
            self._import(options)
        except DomainError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted; nothing was imported.") from None

    def _import(self, options: dict[str, Any]) -> None:
        by = _actor(options["by"])
        people = [_assignee(text) for text in options["assign"]]
        choices = Choices(
            trial_number=options["trial"],
            sponsor_name=options["sponsor"],
            zone=_zone(options["zone"]),
            is_unblinded=options["unblinded"],
            is_dry_run=options["dry_run"],
            is_evaluated=options["evaluate"],
        )
        at = clock.now()

        def assign(trial_id: UUID) -> None:
            trial = Trial.objects.get(pk=trial_id)
            for person, role in people:
                assign_role(
                    person=person,
                    role=role,
                    where=trial,
                    from_at=at,
                    by=by,
                    at=at,
                    reason=f"import of {trial.number}",
                )

        with Reporter(self.stdout, self.stderr) as reporter:
            folder = read_folder(options["folder"])
            reporter.start(folder)
            summary = import_study(
                folder, choices, by=by, at=at, after=assign, progress=reporter.advance
            )
        reporter.show(summary)


def _actor(username: str) -> User:
    if not username:
        return User.objects.get(pk=IMPORT_ACCOUNT)
    return _user(username)


def _user(username: str) -> User:
    user = User.objects.named(username).first()
    if user is None or not user.is_active:
        raise CommandError(f"There is no active account {username!r}.")
    return user


def _assignee(text: str) -> tuple[User, str]:
    username, colon, role = text.partition(":")
    if not colon or role not in ROLES:
        raise CommandError(f"--assign wants USERNAME:ROLE with a known role, not {text!r}.")
    if Level.TRIAL not in ROLES[role].levels:
        raise CommandError(f"The role {role} cannot be held for a whole trial.")
    return _user(username), role


def _zone(name: str) -> str | None:
    if not name:
        return None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"{name!r} is not an IANA time zone such as Europe/Paris.") from None
    return name
