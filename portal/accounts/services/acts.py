"""What happens to sign-ins and sessions, told to whoever keeps the trail.

The trail lies above accounts (portal.audit), so it registers here instead of being imported. The
act is told in the transaction of what it tells of: a rollback takes both back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from portal.core.history import Actor


class Act(StrEnum):
    """What happened."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    TOKEN_REUSED = "token_reused"  # noqa: S105
    DEVICE_TOKEN_ISSUED = "device_token_issued"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Told:
    """One act: who (None: nobody we know), when, about which session or user."""

    act: Act
    by: Actor | UUID | None
    at: datetime
    resource: str
    record_id: UUID | None = None
    patient_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Keeper = Callable[[Told], object]
_KEEPERS: list[Keeper] = []


class NobodyKeeps(RuntimeError):
    """Nothing is registered that writes down what happens to sessions."""


def keeper(function: Keeper) -> Keeper:
    """Register who writes acts down."""
    _KEEPERS.append(function)
    return function


def tell(told: Told) -> None:
    """Have an act written down in the caller's transaction. Raises: NobodyKeeps."""
    if not _KEEPERS:
        raise NobodyKeeps()
    for keep in _KEEPERS:
        keep(told)
