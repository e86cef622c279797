"""Files that are made while they are sent, in constant memory, by ASGI and by WSGI alike."""

from collections.abc import Generator
from typing import Any, Self

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request


class _Pulled:
    """A generator that runs in the request's own thread, where its database connection is.

    Django would otherwise collect all parts of it in memory before it sends the first.
    """

    def __init__(self, parts: Generator[bytes, None, None]) -> None:
        self._parts = parts

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await sync_to_async(self._next, thread_sensitive=True)()
        if part is None:
            raise StopAsyncIteration
        return part

    def _next(self) -> bytes | None:
        return next(self._parts, None)

    def close(self) -> None:
        """End the generator: a client that goes away leaves no transaction behind."""
        self._parts.close()


def streamed(
    request: Request, parts: Generator[bytes, None, None], *, content_type: str, file_name: str
) -> StreamingHttpResponse:
    """Return the answer that sends `parts` as a file."""
    is_asynchronous = isinstance(request._request, ASGIRequest)
    content: Any = _Pulled(parts) if is_asynchronous else parts
    response = StreamingHttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response
