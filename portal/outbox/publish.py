"""Publish a message with the change that it tells of, or not at all."""

import json
from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from portal.core.ids import uuid7
from portal.core.transactions import require_transaction
from portal.outbox.kinds import Kind, Lane
from portal.outbox.registry import handlers_of
from portal.outbox.sql import NOTIFY_SQL, deliveries_cte

LONGEST_VALUE = 100


class NotAPayload(TypeError):
    """A payload holds ids, codes and small numbers: text of at most 100 characters, or integers."""


def publish(
    kind: Kind,
    *,
    resource: str,
    record_id: UUID,
    ordering_key: UUID,
    trial_id: UUID | None = None,
    site_id: UUID | None = None,
    payload: Mapping[str, str | int] | None = None,
    lane: Lane = Lane.ORDINARY,
) -> None:
    """Write the deliveries of one message in the caller's transaction, one for each handler.

    A kind that nothing handles writes nothing. For handlers that keep the order, the caller has
    locked the row behind `ordering_key`, so that the order of insertion is that of commits.
    Raises: NoTransaction, NotAPayload.
    """
    require_transaction()
    held = dict(payload or {})
    for name, value in held.items():
        if not isinstance(value, str | int) or len(str(value)) > LONGEST_VALUE:
            raise NotAPayload(f"{name}: {NotAPayload.__doc__}")
    if not handlers_of(kind):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH message AS (SELECT %s::uuid AS message_id, %s::text AS resource, "
            "%s::uuid AS record_id, %s::uuid AS ordering_key, %s::uuid AS trial_id, "
            "%s::uuid AS site_id, %s::smallint AS lane, %s::jsonb AS payload), "
            f"written AS ({deliveries_cte(kind, source='message')}) SELECT {NOTIFY_SQL}",
            [
                uuid7(),
                resource,
                record_id,
                ordering_key,
                trial_id,
                site_id,
                int(lane),
                json.dumps(held),
            ],
        )
