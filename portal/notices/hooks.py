"""What else happens when a notice is acknowledged: the apps above say it of their records."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from portal.accounts.models import User

# Called with the record, the comment, who acknowledged, and when.
Acknowledged = Callable[[UUID, str, User, datetime], None]
_ACKNOWLEDGED: dict[str, Acknowledged] = {}


def acknowledging(resource: str) -> Callable[[Acknowledged], Acknowledged]:
    """Register what acknowledging a notice means for the record that it is about."""

    def register(function: Acknowledged) -> Acknowledged:
        _ACKNOWLEDGED[resource] = function
        return function

    return register


def record_acknowledged(
    resource: str, record: UUID, *, comment: str, by: User, at: datetime
) -> None:
    """Tell the app of a record that somebody has it."""
    follow = _ACKNOWLEDGED.get(resource)
    if follow is not None:
        follow(record, comment, by, at)
