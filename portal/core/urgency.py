"""What must not wait behind ordinary work: that a serious event is told and that it is seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)


def is_urgent() -> bool:
    """Whether the work at hand may use what is kept back for it."""
    return _urgent.get()


@contextmanager
def urgent(wanted: bool = True) -> Iterator[None]:
    """Let the block's work use what is kept back, if `wanted`."""
    before = _urgent.set(wanted or _urgent.get())
    try:
        yield
    finally:
        _urgent.reset(before)
