"""Try a draft of a risk rule on the trial's history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from patients.models import RiskRuleVersion
from patients.services import dry_runs
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError


class Command(BaseCommand):
    """Walk over every patient of the trial and say how often the rule would have fired."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the version and who tries it."""
        parser.add_argument("version", help="id of the rule's version")
        parser.add_argument("--by", required=True, help="user name of who tries it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Try it; Ctrl-C cancels."""
        by = User.objects.filter(username=options["by"], is_active=True).first()
        version = RiskRuleVersion.objects.filter(pk=options["version"]).first()
        if by is None or version is None:
            raise CommandError("there is no such version or no such person")
        try:
            begun = dry_runs.start_dry_run(version=version, by=by, at=clock.now())
        except DomainError as refused:
            raise CommandError(refused.detail) from None
        try:
            done = dry_runs.continue_dry_run(run=begun, by=by, at=clock.now(), progress=self._tell)
        except KeyboardInterrupt:
            dry_runs.cancel_dry_run(run=begun, by=by, at=clock.now(), reason="interrupted")
            done = dry_runs.continue_dry_run(run=begun, by=by, at=clock.now())
        self.stdout.write(
            f"{done.state}: {done.alerts} alerts and {done.breaches} breaches in "
            f"{done.observations} values, {done.alerts_per_patient_day or 0} alerts per patient "
            "and day"
        )
        if dry_runs.is_too_loud(done):
            self.stdout.write(f"warning: more than {dry_runs.WARN_ABOVE} a day: too many to answer")

    def _tell(self, done: int, total: int) -> None:
        self.stdout.write(f"{done} of {total} patients")
