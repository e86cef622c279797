"""Who is connected: what each process tells, and how an administrator ends a connection."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

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


def tell(*, process: UUID, rows: Iterable[Mapping[str, Any]], at: datetime) -> set[UUID]:
    """Write down the sockets of a process; return those that somebody wants closed."""
    told = [LiveConnection(process=process, seen_at=at, **row) for row in rows]
    LiveConnection.objects.bulk_create(
        told, update_conflicts=True, unique_fields=["id"], update_fields=_TOLD
    )
    gone = Q(process=process) & ~Q(pk__in=[row.pk for row in told])
    LiveConnection.objects.filter(gone | Q(seen_at__lt=at - FORGOTTEN)).delete()
    asked = LiveConnection.objects.filter(process=process, close_requested_at__isnull=False)
    return set(asked.values_list("pk", flat=True))


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


def count_open(*, user: UUID, address: str | None) -> tuple[int, int]:
    """Return how many sockets are open for a person, and from an address, over all processes."""
    rows = LiveConnection.objects
    by_address = rows.filter(address=address).count() if address else 0
    return rows.filter(user_id=user).count(), by_address
