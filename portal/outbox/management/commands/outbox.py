"""`manage.py outbox`: look at deliveries, and decide about them with a reason."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import DomainError
from portal.outbox import decisions
from portal.outbox.drain import drain_outbox
from portal.outbox.models import OutboxDelivery, State
from portal.outbox.standing import standing

DECISIONS = {"requeue": decisions.retry, "skip": decisions.skip, "bury": decisions.bury}


class Command(BaseCommand):
    """List, show, requeue, skip, bury, drain."""

    help = "Look at the deliveries of the outbox and decide about them"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare one command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listed = verbs.add_parser("list", help="how the queue stands, and its oldest deliveries")
        listed.add_argument("--state", choices=State.values, default=State.DEAD.value)
        listed.add_argument("--limit", type=int, default=20)
        verbs.add_parser("show", help="one delivery").add_argument("id", type=int)
        drained = verbs.add_parser("drain", help="run what is due in this process")
        drained.add_argument("--limit", type=int, default=None)
        for verb in DECISIONS:
            decided = verbs.add_parser(verb, help=f"{verb} deliveries; audited")
            decided.add_argument("id", type=int, nargs="+")
            decided.add_argument("--reason", required=True)
            decided.add_argument("--by", required=True, help="user name of whoever decides")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do what the verb says. Raises: CommandError."""
        if options["verb"] in DECISIONS:
            self._decide(**options)
        else:
            getattr(self, f"_{options['verb']}")(**options)

    def _list(self, *, state: str, limit: int, **_: Any) -> None:
        found = standing()
        for lane in found.lanes:
            self.stdout.write(
                f"{lane.lane.name.lower():9} {lane.depth} waiting, "
                f"the oldest for {lane.oldest_seconds:.0f} s"
            )
        silent = found.relay_silent_seconds
        heard = "never seen" if silent is None else f"{found.relay_mode}, {silent:.0f} s ago"
        self.stdout.write(f"dead      {found.dead}\nrelay     {heard}")
        for row in OutboxDelivery.objects.filter(state=state).order_by("id")[:limit]:
            self.stdout.write(
                f"{row.pk} {row.state} {row.kind} {row.handler} {row.attempts}x {row.last_error}"
            )

    def _show(self, *, id: int, **_: Any) -> None:
        row = OutboxDelivery.objects.filter(pk=id).first()
        if row is None:
            raise CommandError(f"there is no delivery {id}")
        for field in row._meta.concrete_fields:
            self.stdout.write(f"{field.name:13} {getattr(row, field.attname)}")

    def _drain(self, *, limit: int | None, **_: Any) -> None:
        self.stdout.write(f"{drain_outbox(limit)} run")

    def _decide(self, *, verb: str, id: list[int], reason: str, by: str, **_: Any) -> None:
        person = User.objects.named(by).first()
        if person is None:
            raise CommandError(f"there is no user {by}")
        for key in id:
            try:
                row = DECISIONS[verb](key, by=person, at=clock.now(), reason=reason)
            except DomainError as refused:
                raise CommandError(f"{key}: {refused.detail}") from refused
            self.stdout.write(f"{row.pk} {row.state}")
