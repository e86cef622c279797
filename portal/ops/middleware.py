"""The outermost middleware: who calls, under which request id, how long it took, what it may do."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse

from portal.core.history import Source, under
from portal.core.ids import uuid7
from portal.ops import metrics
from portal.ops.addresses import client_address

log = structlog.get_logger("portal.request")

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), usb=()"
    ),
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cache-Control": "no-store",
}
# Asked every few seconds by machines: measured, but not worth a line each.
QUIET = ("/healthz", "/readyz", "/metrics")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Give every request an id, an address and a source; write its line and its measurements.

    The id is carried into logs, history and tasks. One that the client sends is taken if it is a
    UUID; anything else could be a forged log entry.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request under its own circumstances."""
        request_id = _request_id(request.headers.get("X-Request-Id", ""))
        address = client_address(request.META, settings.TRUSTED_PROXIES)
        request.request_id = request_id  # type: ignore[attr-defined]
        request.client_address = address  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        statements = _Statements()
        began = time.perf_counter()
        with ExitStack() as stack:
            stack.enter_context(under(source=_source(request), request_id=request_id))
            stack.enter_context(metrics.IN_FLIGHT.track_inprogress())
            stack.enter_context(connections["default"].execute_wrapper(statements))
            response = self.get_response(request)
        seconds = time.perf_counter() - began
        response["X-Request-Id"] = request_id
        _report(request, response, seconds, statements.count)
        return response


class SecurityHeadersMiddleware:
    """Say on every answer what a browser may do with it; nothing is stored but static files."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers that the answer does not have yet."""
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class _Statements:
    """Counts a request's statements, and those that failed by their SQLSTATE."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.count += 1
        try:
            return execute(sql, params, many, context)
        except Error as error:
            metrics.count_database_error(error)
            raise


def _request_id(sent: str) -> str:
    try:
        if len(sent) == 36:
            return str(UUID(sent))
    except ValueError:
        pass
    return str(uuid7())


def _source(request: HttpRequest) -> Source:
    return Source.ADMIN if request.path_info.startswith("/admin/") else Source.API


def _report(request: HttpRequest, response: HttpResponse, seconds: float, queries: int) -> None:
    match = request.resolver_match
    # Names and patterns only: what stands in a path or a query may be somebody's name.
    route = match.route if match else ""
    name = (match.view_name if match else "") or "unmatched"
    metrics.observe_request(name, request.method or "", response.status_code, seconds)
    if request.path_info in QUIET:
        return
    log.info(
        "request_finished",
        method=metrics.known_method(request.method or ""),
        route=route,
        view=name,
        status=response.status_code,
        duration_ms=round(seconds * 1000, 1),
        queries=queries,
    )
