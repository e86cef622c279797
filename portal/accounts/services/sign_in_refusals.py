"""Refused sign-ins, written down without letting a flood of them flood the trail.

The first refusal of an account from an address is told at once; those that follow within the window
are counted in one row and told once, with their number, when it ends. At most `MOST_OPEN` such
pairs are open at a time, whatever number of names and addresses is tried: what comes beyond is
counted together. So a flood of any size leaves no more than twice that many entries a window.

A name that no account has is told as a keyed digest (it may be a password in the wrong box), and so
is the address of whoever typed it.
Source: 21 CFR 11.300(d), FDA 2024 Q11, ASVS 5.0 16.3.1.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.accounts.models import User
from portal.accounts.services.acts import Act, Told, tell
from portal.accounts.services.sign_in_limits import WINDOW, digest_of_account, digest_of_address

MOST_OPEN = 1000
OTHERS = "others"
_SETTLED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused sign-in: the name as typed, the account if there is one, why."""

    name: str
    user: User | None
    address: str | None
    reason: str

    @property
    def facts(self) -> dict[str, Any]:
        """What may be written down of it."""
        facts = {"reason": self.reason, "from": digest_of_address(self.address)}
        if self.user is None:
            return facts | {"account": digest_of_account(self.name)}
        return facts | ({"address": self.address} if self.address else {})


def refuse(refusal: Refusal, *, at: datetime) -> None:
    """Count a refused sign-in, and tell of it if it is the first of its window.

    Locks: its row in accounts_signinrefusal.
    """
    facts = refusal.facts
    account = refusal.user.pk if refusal.user else None
    key = f"{refusal.reason}:{account or facts['account']}:{facts['from']}"
    with transaction.atomic():
        key, count = _counted(key, account, facts, at)
        if count == 1:
            told = facts if key != OTHERS else {"reason": refusal.reason, "account": OTHERS}
            _tell(account if key != OTHERS else None, told | {"count": 1}, at)


def settle_refusals(*, at: datetime) -> int:
    """Tell of the windows that have ended how many refusals followed the first; return how many."""
    settled = 0
    while True:
        with transaction.atomic():
            rows = _ended(at)
            for account, told, count, began, last in rows:
                if count > 1:
                    detail = json.loads(told)
                    span = {"since": began.isoformat(), "until": last.isoformat()}
                    _tell(account, detail | {"count": count - 1} | span, at)
        settled += len(rows)
        if len(rows) < _SETTLED_AT_ONCE:
            return settled


def _counted(
    key: str, account: UUID | None, facts: dict[str, Any], at: datetime
) -> tuple[str, int]:
    """Count one more refusal under `key`, or under the others when too many are open."""
    others = {"reason": facts["reason"], "account": OTHERS}
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH full_up AS MATERIALIZED (SELECT (SELECT count(*) FROM "
            "(SELECT 1 FROM accounts_signinrefusal LIMIT %(most)s) AS open_ones) >= %(most)s "
            "AND NOT EXISTS (SELECT FROM accounts_signinrefusal WHERE key = %(key)s) AS is_so) "
            "INSERT INTO accounts_signinrefusal AS r "
            "(key, account_id, detail, count, window_started_at, last_at) "
            "SELECT CASE WHEN is_so THEN %(others)s ELSE %(key)s END, "
            "CASE WHEN is_so THEN NULL ELSE %(account)s::uuid END, "
            "CASE WHEN is_so THEN %(beyond)s::jsonb ELSE %(facts)s::jsonb END, "
            "1, %(at)s, %(at)s FROM full_up "
            "ON CONFLICT (key) DO UPDATE SET count = r.count + 1, last_at = excluded.last_at "
            "RETURNING key, count",
            {
                "most": MOST_OPEN,
                "key": key,
                "others": OTHERS,
                "account": account,
                "facts": json.dumps(facts),
                "beyond": json.dumps(others),
                "at": at,
            },
        )
        row: tuple[str, int] = cursor.fetchone()
    return row


def _ended(at: datetime) -> list[Any]:
    """Take away the rows whose window has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM accounts_signinrefusal WHERE key IN (SELECT key FROM "
            "accounts_signinrefusal WHERE window_started_at <= %s ORDER BY window_started_at "
            "LIMIT %s FOR UPDATE SKIP LOCKED) "
            "RETURNING account_id, detail, count, window_started_at, last_at",
            [at - WINDOW, _SETTLED_AT_ONCE],
        )
        return list(cursor.fetchall())


def _tell(account: UUID | None, detail: dict[str, Any], at: datetime) -> None:
    tell(
        Told(
            Act.SIGN_IN_REFUSED,
            by=None,
            at=at,
            resource="user",
            record_id=account,
            detail=detail,
        )
    )
