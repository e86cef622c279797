"""UUID primary keys: version 7 (RFC 9562), so that a key sorts by the time it was made."""

import hashlib
import os
import uuid
from collections import deque
from datetime import datetime
from functools import lru_cache

from portal.core import clock


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """Return a new UUIDv7; `at` backdates its timestamp (millisecond resolution)."""
    return _build(at or clock.now(), os.urandom(10))


def uuid7_text(at: datetime) -> str:
    """Return a new UUIDv7 as text; for where thousands are made a second and written at once."""
    time = _time_of(int(at.timestamp() * 1000))
    try:
        return time + _tails.popleft()
    except IndexError:
        drawn = os.urandom(10 * _DRAWN).hex()
        _tails.extend(_tail(drawn[place : place + 20]) for place in range(20, len(drawn), 20))
        return time + _tail(drawn[:20])


@lru_cache(maxsize=16)
def _time_of(milliseconds: int) -> str:
    time = f"{milliseconds & 0xFFFF_FFFF_FFFF:012x}"
    return f"{time[:8]}-{time[8:]}-7"


def _tail(random: str) -> str:
    return f"{random[:3]}-{_VARIANT[random[3]]}{random[4:7]}-{random[7:19]}"


# Random ends, drawn in one call for many ids; each is taken by one thread, and none by a child.
_DRAWN = 256
_tails: deque[str] = deque()
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
os.register_at_fork(after_in_child=_tails.clear)


def seeded_uuid7(at: datetime, *seed: object) -> uuid.UUID:
    """Return the UUIDv7 that `at` and `seed` always give: equal input, equal id."""
    digest = hashlib.sha256("\x1f".join(map(str, seed)).encode()).digest()
    return _build(at, digest[:10])


def _build(at: datetime, random: bytes) -> uuid.UUID:
    milliseconds = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    value = milliseconds << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


# Service accounts: who writes when no person does. Rows are made by a migration of accounts.
IMPORT_ACCOUNT = uuid.UUID("00000000-0000-7000-8000-000000000001")
PIPELINE_ACCOUNT = uuid.UUID("00000000-0000-7000-8000-000000000002")
INTAKE_ACCOUNT = uuid.UUID("00000000-0000-7000-8000-000000000003")
SYSTEM_ACCOUNT = uuid.UUID("00000000-0000-7000-8000-000000000004")
SERVICE_ACCOUNTS = {
    "import": IMPORT_ACCOUNT,
    "pipeline": PIPELINE_ACCOUNT,
    "intake": INTAKE_ACCOUNT,
    "system": SYSTEM_ACCOUNT,
}
