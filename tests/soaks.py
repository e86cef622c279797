"""How long a soak is, and what it says at its end.

`PORTAL_SOAK_FRACTION=0.1 ./run test -m soak -n 0 -s tests/...` runs a tenth; `-s` shows the counts.
"""

import os
import sys


def trials(full: int) -> int:
    """Return how many of `full` trials this run makes: all, or the stated fraction of them."""
    fraction = float(os.environ.get("PORTAL_SOAK_FRACTION", "1"))
    assert 0 < fraction <= 1, "PORTAL_SOAK_FRACTION is above 0 and at most 1"
    return max(1, round(full * fraction))


def tell(text: str) -> None:
    """Say in one line what was counted."""
    sys.stderr.write(f"\n{text}\n")
    sys.stderr.flush()
