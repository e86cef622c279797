"""What is said of an exception that ended some work."""

import traceback
from pathlib import Path

from portal.core.errors import DomainError


def describe(error: Exception) -> str:
    """Say what failed and where. The text of an exception may hold values, so it is left out."""
    name = type(error).__qualname__
    if isinstance(error, DomainError):
        name = f"{name} ({error.code})"
    diagnosis = getattr(error.__cause__, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{name} at {where}" + (f", constraint {constraint}" if constraint else "")
