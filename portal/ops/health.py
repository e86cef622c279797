"""Whether the portal can serve: the database decides, the broker is a detail."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader

from portal.audit.nightly import last_verification
from portal.core import clock
from portal.core.urgency import urgent
from portal.ops import broker
from portal.outbox.standing import relay_state

# libpq's least; a probe that waits longer is of no use.
PATIENCE_SECONDS = 2
KEPT_SECONDS = 1.0

# What is told beside the verdict and does not decide it.
DETAILS: dict[str, Callable[[], str]] = {"broker": broker.state}

# Without these the portal must not pretend to serve: set by the apps above, which answer in a word.
VITAL: dict[str, Callable[[], str]] = {}
_WELL = frozenset({"ok", "never seen"})


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict, and why."""

    is_ready: bool
    reason: str
    details: Mapping[str, str] = field(default_factory=dict)


_lock = threading.Lock()
_kept: tuple[float, Readiness] | None = None


def readiness() -> Readiness:
    """Return whether the portal can serve; asked more than once a second, the last answer.

    A portal whose connections are all used still takes safety reports: it is asked as they are.
    """
    global _kept
    with _lock, urgent():
        if _kept is None or time.monotonic() - _kept[0] > KEPT_SECONDS:
            _kept = time.monotonic(), _look()
        return _kept[1]


def forget() -> None:
    """Look anew at the next question."""
    global _kept
    with _lock:
        _kept = None


def _look() -> Readiness:
    away = _database_reason()
    reason = f"database_{away}" if away else ""
    details = {name: state() for name, state in DETAILS.items()}
    if not reason:
        details["relay"] = _relay()
        details["audit"] = audit_state()
        vital = {name: _asked(state) for name, state in VITAL.items()}
        reason = next((f"{name}_{said}" for name, said in vital.items() if said not in _WELL), "")
        details |= vital
    return Readiness(not reason, reason, {"database": away or "ok", **details})


def _asked(state: Callable[[], str]) -> str:
    try:
        return state()
    except (DatabaseError, InterfaceError):
        return "unknown"


def audit_state() -> str:
    """Return what came of the last verification of the trail: ok, failed, overdue, never."""
    try:
        return last_verification().state(clock.now())
    except (DatabaseError, InterfaceError):
        return "unknown"


def _relay() -> str:
    try:
        return relay_state()
    except (DatabaseError, InterfaceError):
        return "unknown"


def _database_reason() -> str:
    """Return what is wrong with the database, or nothing.

    On a connection of its own, of those kept back: a pool that is used up, or a server, is not a
    database that is away.
    """
    try:
        with psycopg.connect(**own_connection_parameters(kept_back=True)) as own:
            own.execute("SET statement_timeout = '2s'")
            newest = newest_migrations()
            row = own.execute(
                "SELECT count(*) FROM django_migrations "
                "WHERE (app, name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
                [[app for app, _ in newest], [name for _, name in newest]],
            ).fetchone()
    except psycopg.errors.UndefinedTable:
        return "not_migrated"
    except psycopg.Error:
        return "unreachable"
    return "" if row and row[0] == len(newest) else "not_migrated"


def own_connection_parameters(*, kept_back: bool = False) -> dict[str, Any]:
    """Return what opens a connection of one's own to the database, outside the pool.

    `kept_back`: of those that the server keeps for what must not wait.
    """
    wanted = settings.SAFETY_DATABASE if kept_back else connection.settings_dict
    options = {key: value for key, value in wanted["OPTIONS"].items() if key != "pool"}
    named = {
        "dbname": wanted["NAME"],
        "user": wanted["USER"],
        "password": wanted["PASSWORD"],
        "host": wanted["HOST"],
        "port": wanted["PORT"],
    }
    given = {key: value for key, value in named.items() if value}
    return {**options, **given, "connect_timeout": PATIENCE_SECONDS, "autocommit": True}


@lru_cache(maxsize=1)
def newest_migrations() -> tuple[tuple[str, str], ...]:
    """Return the last migration of every app, as the code has it."""
    return tuple(sorted(MigrationLoader(None).graph.leaf_nodes()))
