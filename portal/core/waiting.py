"""A wait for one thing: with a task as for a future, without one until somebody calls back."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any


class Wait:
    """Ends once. Who waits in a task waits for a future; who has no task is told by a call.

    A coroutine that no task runs yields the wait itself: whoever steps it (portal.driving) says
    with `then` what to call, and the call comes at the end, not in the loop's next round.
    """

    __slots__ = ("_is_over", "_then")

    def __init__(self) -> None:
        self._is_over = False
        self._then: Callable[[], None] | None = None

    def end(self, *_: Any) -> None:
        """Let whoever waits go on."""
        self._is_over = True
        if self._then is not None:
            self._then()

    def then(self, call: Callable[[], None]) -> None:
        """Say what is called at the end."""
        self._then = call

    def __await__(self) -> Generator[Any, None, None]:
        """Wait for the end."""
        if self._is_over:
            return
        if asyncio.current_task() is None:
            yield self
            return
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._then = lambda: None if told.done() else told.set_result(None)
        yield from told
