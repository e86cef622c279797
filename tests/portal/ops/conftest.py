"""What the tests of operations share."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.ops import health


@pytest.fixture(autouse=True)
def look_anew() -> Iterator[None]:
    """Readiness is kept for a second; no test wants the one before's."""
    health.forget()
    yield
    health.forget()


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Read what the process has written to its log."""
    handler = next(
        each
        for each in logging.getLogger().handlers
        if isinstance(each, logging.StreamHandler)
        and type(each.formatter).__name__ == "ProcessorFormatter"
    )
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    if before is not None:
        handler.setStream(before)
