"""How often a sign-in may fail, for one account name and from one address.

Counted before the password is looked at, by one atomic statement, so that a hundred guesses at
once are no more than ten. A success takes its own attempt back: people who sign in rightly are
never counted, however many of them share an address.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from django.db import connection
from django.utils.crypto import salted_hmac

from portal.accounts.models import SignInCounter, User
from portal.core import clock
from portal.core.errors import NotAuthenticated, Unavailable

log = structlog.get_logger(__name__)

FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 600
WINDOW = timedelta(minutes=15)
# An attempt that has not ended by then belongs to a process that died.
LONGEST_ATTEMPT = timedelta(seconds=60)
LONGEST_WAIT_SECONDS = 5.0
_ACCOUNT = "account:"
_ADDRESS = "address:"


class AccountLocked(NotAuthenticated):
    """Too many failed attempts: sign-in is locked for a while."""

    code = "account_locked"

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__()


class SignInBusy(Unavailable):
    """Too many people are signing in at this moment; try again shortly."""


@dataclass
class Attempt:
    """One attempt that was admitted; it has failed unless the caller says otherwise."""

    has_succeeded: bool = False


@contextmanager
def attempt(username: str, address: str | None, at: datetime) -> Iterator[Attempt]:
    """Admit one attempt, let the caller look at the password, and count how it ended.

    Must not run inside a transaction that may be rolled back: the count would be lost with it.
    Locks: the rows of account and address in accounts_signincounter, for one statement each.
    Raises: AccountLocked, SignInBusy.
    """
    keys = _keys(username, address)
    _admit(keys, at)
    admitted = Attempt()
    try:
        yield admitted
    finally:
        _settle(keys, at, has_succeeded=admitted.has_succeeded)


def forget_old_counters(at: datetime) -> int:
    """Delete the counters that have no effect any more and return how many."""
    return SignInCounter.objects.filter(touched_at__lt=at - 2 * WINDOW).delete()[0]


def digest_of_account(username: str) -> str:
    """Return the keyed digest by which an account name is known, whether there is such a one."""
    return _digest(username)


def digest_of_address(address: str | None) -> str:
    """Return the keyed digest of an address, empty where there is none (a Unix socket)."""
    if address is None:
        return ""
    found = ip_address(address)
    # One household has a whole /64 of version 6.
    is_wide = isinstance(found, IPv6Address)
    return _digest(str(ip_network((found, 64), strict=False)) if is_wide else address)


def _keys(username: str, address: str | None) -> list[str]:
    keys = [_ACCOUNT + digest_of_account(username)]
    if address is not None:
        keys.append(_ADDRESS + digest_of_address(address))
    return keys


def _digest(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return salted_hmac("portal.accounts.sign_in_limits", text, algorithm="sha256").hexdigest()


def _admit(keys: list[str], at: datetime) -> None:
    give_up = time.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        admitted = _count_in(keys, at)
        refused = [key for key in keys if key not in admitted]
        if not refused:
            return
        _release(admitted)
        _check_lock(refused, at)
        # Nobody is locked out, there are only many attempts under way: wait for them.
        if time.monotonic() > give_up:
            raise SignInBusy()
        time.sleep(0.05)


def _count_in(keys: list[str], at: datetime) -> list[str]:
    """Count one more attempt under way where the limit allows it; return those keys."""
    rows = ", ".join("(%s, 0, 1, %s, %s)" for _ in keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_signincounter AS c "  # noqa: S608 - rows holds placeholders
            "(key, failures, in_flight, window_started_at, touched_at) "
            f"VALUES {rows} ON CONFLICT (key) DO UPDATE SET "
            "failures = CASE WHEN c.window_started_at <= %s THEN 0 ELSE c.failures END, "
            "in_flight = CASE WHEN c.touched_at <= %s THEN 1 ELSE c.in_flight + 1 END, "
            "window_started_at = CASE WHEN c.window_started_at <= %s THEN excluded.touched_at "
            "ELSE c.window_started_at END, touched_at = excluded.touched_at "
            "WHERE CASE WHEN c.window_started_at <= %s THEN 0 ELSE c.failures END "
            "+ CASE WHEN c.touched_at <= %s THEN 0 ELSE c.in_flight END "
            "< CASE WHEN starts_with(c.key, %s) THEN %s ELSE %s END RETURNING c.key",
            [
                *(part for key in keys for part in (key, at, at)),
                at - WINDOW,
                at - LONGEST_ATTEMPT,
                at - WINDOW,
                at - WINDOW,
                at - LONGEST_ATTEMPT,
                _ACCOUNT,
                FAILURES_PER_ACCOUNT,
                FAILURES_PER_ADDRESS,
            ],
        )
        return [row[0] for row in cursor.fetchall()]


def _check_lock(keys: list[str], at: datetime) -> None:
    for counter in SignInCounter.objects.filter(key__in=keys, window_started_at__gt=at - WINDOW):
        if counter.failures >= _limit(counter.key):
            log.warning("sign_in_locked", limit=counter.key.partition(":")[0])
            left = counter.window_started_at + WINDOW - at
            raise AccountLocked(max(1, round(left.total_seconds())))


def _limit(key: str) -> int:
    return FAILURES_PER_ACCOUNT if key.startswith(_ACCOUNT) else FAILURES_PER_ADDRESS


def _release(keys: list[str]) -> None:
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_signincounter SET in_flight = greatest(in_flight - 1, 0) "
            "WHERE key = ANY(%s)",
            [keys],
        )


def _settle(keys: list[str], at: datetime, *, has_succeeded: bool) -> None:
    """Count how the attempt ended. A failure that reaches the limit starts the lock anew."""
    with connection.cursor() as cursor:
        for key in keys:
            is_account = key.startswith(_ACCOUNT)
            cursor.execute(
                "UPDATE accounts_signincounter SET in_flight = greatest(in_flight - 1, 0), "
                "failures = CASE WHEN NOT %s THEN failures + 1 WHEN %s THEN 0 ELSE failures END, "
                "window_started_at = CASE WHEN NOT %s AND failures + 1 >= %s THEN %s "
                "ELSE window_started_at END WHERE key = %s",
                [has_succeeded, is_account, has_succeeded, _limit(key), at, key],
            )


def unlock(username: str, at: datetime | None = None) -> None:
    """Forget the failures of one account name: an administrator vouches for the person."""
    SignInCounter.objects.filter(
        key__in=_keys(User.normalize_username(username).lower(), None)
    ).update(failures=0, touched_at=at or clock.now())
