"""The one place that reads the clock."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return timezone.now()  # noqa: TID251 - the one place
