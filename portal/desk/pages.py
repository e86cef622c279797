"""The pages that say what went wrong in the reader's words."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from portal.core.history import circumstances


def _page(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    # No request is passed to the template: these pages must render while the database is away.
    context = {"request_id": circumstances.get().request_id}
    return HttpResponse(render_to_string(f"{status.value}.html", context), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the address or the form cannot be read."""
    return _page(request, HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: visible, but not allowed."""
    return _page(request, HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: absent, or not for this reader to know of."""
    return _page(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; what was saved before is safe."""
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: the database or a service does not answer; try again shortly."""
    response = _page(request, HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = "5"
    return response
