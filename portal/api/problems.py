"""RFC 9457 problem answers: the one shape of every refusal under /api/."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from portal.core.errors import FieldError

PROBLEM_TYPE = "application/problem+json"
ENVELOPE_TYPE = "application/vnd.portal.envelope+json"
RETRY_AFTER_SECONDS = 5
# A body of a hundred thousand unknown keys is answered by the first of them.
MOST_ERRORS = 50
CHALLENGE = 'Bearer realm="portal"'

TITLES: Mapping[int, str] = {
    400: _("The request is not valid"),
    401: _("You are not signed in"),
    403: _("You may not do this"),
    404: _("There is nothing here"),
    405: _("This address does not offer that method"),
    406: _("No offered format is acceptable to you"),
    408: _("The request came too slowly"),
    409: _("A rule does not allow this"),
    412: _("The record has changed since you read it"),
    413: _("The request is too large"),
    415: _("The body has the wrong type"),
    428: _("Say which version you change"),
    429: _("Too many requests"),
    500: _("Something failed on our side"),
    503: _("The portal is not available at the moment"),
}
DETAILS: Mapping[int, str] = {
    400: _("The request could not be read."),
    401: _("Sign in and send the access token."),
    403: _("You may see this but not do that."),
    404: _("There is no such record or address."),
    405: _("Use one of the methods named in Allow."),
    406: _("Ask for application/json."),
    408: _("Send the body without pauses."),
    409: _("A rule does not allow this."),
    412: _("Read the record again and repeat your change."),
    413: _("Send less at a time."),
    415: _("Send application/json, not encoded in any way."),
    428: _("Send If-Match with the version that you read."),
    429: _("Wait as long as Retry-After says."),
    500: _("The failure has been recorded; try again later."),
    503: _("Nothing was changed. Try again shortly."),
}
CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "token_invalid",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    409: "rule_broken",
    412: "stale",
    413: "too_large",
    415: "unsupported_media_type",
    428: "if_match_required",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal: its status, its stable code, and what to tell the reader."""

    status: int
    code: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the answer's body in the language that is active."""
        code = self.code or CODES.get(self.status, "refused")
        body: dict[str, Any] = {
            "type": f"urn:portal:problem:{code}",
            "title": gettext(TITLES.get(self.status, HTTPStatus(self.status).phrase)),
            "status": self.status,
            "detail": str(self.detail) or gettext(DETAILS.get(self.status, TITLES[400])),
            "code": code,
            "instance": escape_uri_path(request.path),
        }
        if self.errors:
            body["errors"] = [
                {"pointer": error.pointer, "code": error.code, "detail": str(error.detail)}
                for error in self.errors[:MOST_ERRORS]
            ]
        return body

    def all_headers(self) -> dict[str, str]:
        """Return the headers that the status calls for, and the problem's own."""
        headers = dict(self.headers)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", CHALLENGE)
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
        return headers


def envelope(body: Any, status: int) -> dict[str, Any]:
    """Wrap a body in the shape that mini-programs expect."""
    if status < HTTPStatus.BAD_REQUEST:
        return {"code": 0, "message": "ok", "data": body}
    message = body.get("title", "") if isinstance(body, dict) else ""
    return {"code": status, "message": message, "data": body}


def answer(problem: Problem, request: HttpRequest) -> HttpResponse:
    """Answer with a problem where no view of the framework is at hand."""
    body: Any = problem.body(request)
    content_type = PROBLEM_TYPE
    if ENVELOPE_TYPE in request.META.get("HTTP_ACCEPT", ""):
        body, content_type = envelope(body, problem.status), ENVELOPE_TYPE
    response = HttpResponse(orjson.dumps(body), status=problem.status, content_type=content_type)
    for name, value in problem.all_headers().items():
        response[name] = value
    return response
