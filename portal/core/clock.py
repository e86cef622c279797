"""The one place that reads the clock.

For tests of whole processes, PORTAL_CLOCK_FILE names a file that says by how many seconds their
clock is wrong; where PORTAL_MODE is not test, nobody looks at it.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

_FILE = os.environ.get("PORTAL_CLOCK_FILE", "")


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    at = datetime.now(UTC)  # noqa: TID251 - the one place
    return at + _error() if _FILE else at


def _error() -> timedelta:
    if settings.MODE != "test":
        return timedelta()
    return timedelta(seconds=float(Path(_FILE).read_text()))
