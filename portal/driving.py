"""An upload in the ASGI application without a task: stepped by whoever has news for it.

A task costs as much as checking an upload: it begins in the loop's next round, and so does whatever
wakes it. An upload that has come whole waits for one thing only, its being written, and the wait
itself calls back (portal.core.waiting). Should the application wait for anything else, a task goes
on with it from there, as with every other request. Written against uvicorn 0.54.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import Any

from uvicorn._types import ASGI3Application, ASGIReceiveEvent

from portal.core.waiting import Wait
from portal.whole import Whole


class NoEvent:
    """What uvicorn sets to wake a request's task; there is none."""

    def set(self) -> None:
        """Wake nobody."""


NO_EVENT = NoEvent()
_NO_SCOPE: Any = {}


class Driven(Whole):
    """The request cycle of an upload that has come whole."""

    # Its body; nothing once it was read: an idle connection keeps its last cycle.
    whole: bytes | None = None

    def run(
        self,
        app: ASGI3Application,
        loop: asyncio.AbstractEventLoop,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        """Let the application serve the upload, as far as it comes."""
        self._loop, self._tasks = loop, tasks
        self._context = copy_context()
        self._coroutine = self.run_asgi(app)
        self._go_on()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the body; after it nothing comes but the end."""
        body, self.whole = self.whole, None
        if body is not None and not (self.disconnected or self.response_complete):
            return {"type": "http.request", "body": body, "more_body": False}
        if self.message_event is NO_EVENT:
            self.message_event = asyncio.Event()
        return await super().receive()

    def _go_on(self) -> None:
        """Run the application until it waits or ends."""
        try:
            waited = self._context.run(self._coroutine.send, None)
        except StopIteration:
            # An idle connection keeps its last cycle: what was uploaded goes while it is at hand.
            del self._coroutine, self._context
            self.scope = _NO_SCOPE
            return
        if type(waited) is Wait:
            waited.then(self._go_on)
            return
        task = self._loop.create_task(_rest(self._coroutine, waited), context=self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Begun(Generator[Any, None, None]):
    """A coroutine that has begun and waits for something."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited: Any) -> None:
        self._coroutine, self._waited = coroutine, [waited]

    def __await__(self) -> Generator[Any, None, None]:
        return self

    def send(self, _: None) -> Any:
        """Go on; at first only say what is waited for."""
        return self._waited.pop() if self._waited else self._coroutine.send(None)

    def throw(self, *error: Any) -> Any:
        """Tell the coroutine what went wrong."""
        self._waited.clear()
        return self._coroutine.throw(*error)


async def _rest(coroutine: Coroutine[Any, Any, None], waited: Any) -> None:
    await _Begun(coroutine, waited)
