"""How often one account may upload. Never by address: a ward of phones shares one (F72)."""

import time

from patients.intake.configured import configured

_PRUNE_ABOVE = 100_000


class Pace:
    """A bucket for each account, by the generic cell rate algorithm: one number each."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}

    def wait(self, account: str) -> float:
        """Count one request; return 0, or the seconds after which it may be repeated."""
        now = time.monotonic()
        each = configured().seconds_of_a_request
        full_at = max(self._full_at.get(account, now), now) + each
        early = full_at - now - 60.0
        if early > 0:
            return early
        self._full_at[account] = full_at
        if len(self._full_at) > _PRUNE_ABOVE:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return 0.0
