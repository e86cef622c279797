"""What a handler receives; it never sees the row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.outbox.kinds import Kind


@dataclass(frozen=True, slots=True)
class Message:
    """Something happened to a record.

    `id` is the same for all handlers and every attempt: a key against doing it twice. The payload
    holds ids, codes and small numbers. `attempt` counts from 1.
    """

    id: UUID
    kind: Kind
    version: int
    resource: str
    record_id: UUID
    ordering_key: UUID
    trial_id: UUID | None
    site_id: UUID | None
    payload: Mapping[str, str | int]
    created_at: datetime
    attempt: int
