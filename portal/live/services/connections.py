"""Who is connected: what each process tells, and how an administrator ends a connection."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from portal.accounts.models import User
from portal.audit.record import Action, record
from portal.core.history import acting
from portal.live.models import LiveConnection

# A process that told nothing for this long is gone, and its sockets with it.
FORGOTTEN = timedelta(seconds=60)
_TOLD = (
    "seen_at",
    "topics",
    "messages_in",
    "messages_out",
    "bytes_out",
    "coalesced",
    "lag_bytes",
    "errors",
)


def tell(
    *, process: UUID, rows: Sequence[Mapping[str, Any]], gone: Collection[UUID], at: datetime
) -> set[UUID]:
    """Write down sockets of a process and forget those that are gone.

    Returns those that are too many for their person, over all processes: the oldest make room.
    """
    LiveConnection.objects.bulk_create(
        [LiveConnection(process=process, seen_at=at, **row) for row in rows],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=_TOLD,
    )
    silent = Q(seen_at__lt=at - FORGOTTEN)
    LiveConnection.objects.filter(Q(pk__in=gone) | silent if gone else silent).delete()
    return _beyond({row["user_id"] for row in rows}) if rows else set()


def to_be_closed(process: UUID) -> set[UUID]:
    """Return the sockets of a process that somebody wants closed."""
    asked = LiveConnection.objects.filter(process=process, close_requested_at__isnull=False)
    return set(asked.values_list("pk", flat=True))


def _beyond(people: Collection[UUID]) -> set[UUID]:
    rows = LiveConnection.objects.filter(user_id__in=people).order_by("-opened_at", "-pk")
    count: Counter[UUID] = Counter()
    found = set()
    for pk, user in rows.values_list("pk", "user_id"):
        count[user] += 1
        if count[user] > settings.LIVE_SOCKETS_PER_USER:
            found.add(pk)
    return found


def close_connection(*, row: LiveConnection, by: User, at: datetime, reason: str) -> None:
    """Ask the process that has a socket to close it; done within two seconds.

    The session goes on: revoke it to keep the person out.
    """
    with acting(by=by, at=at, reason=reason):
        LiveConnection.objects.filter(pk=row.pk).update(
            close_requested_at=at, close_requested_by=by
        )
        record(
            Action.CONFIGURED,
            by=by,
            at=at,
            resource="live_connection",
            record_id=row.pk,
            detail={"closed": "requested", "user": str(row.user_id), "reason": reason[:200]},
        )
