"""Announce a change that belongs to no site, such as the progress of a report."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection


def announce(resource: str, records: Sequence[UUID]) -> None:
    """Note, in the caller's transaction, that records of `resource` have something to tell."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.live_pendingupdate (resource, records, created_at) "
            "VALUES (%s, %s, clock_timestamp())",
            [resource, list(records)],
        )
        cursor.execute("SELECT pg_notify('live', '')")
