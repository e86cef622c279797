"""Status codes meet categories of refusal here, and nowhere else."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import Http404, HttpRequest
from django.http.request import UnreadablePostError
from django.utils.translation import gettext
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from portal.api import database
from portal.api.problems import ENVELOPE_TYPE, PROBLEM_TYPE, Problem
from portal.core.errors import (
    DomainError,
    FieldError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RuleBroken,
    Stale,
    Unavailable,
    VersionMissing,
)

logger = logging.getLogger(__name__)

STATUS_BY_CATEGORY: Mapping[type[DomainError], int] = {
    InvalidInput: 400,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    RuleBroken: 409,
    Stale: 412,
    VersionMissing: 428,
    Unavailable: 503,
}
# Whoever is locked out is asked to wait, whether the account exists or not.
STATUS_BY_CODE: Mapping[str, int] = {"account_locked": 429}
# Codes of a single part that name the whole refusal.
_PROMOTED = ("unknown_field", "unknown_parameter", "change_reason_required")
_CODE_OF_API_EXCEPTION: Mapping[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: "token_missing",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many_requests",
    exceptions.NotFound: "not_found",
    exceptions.PermissionDenied: "forbidden",
}


class MalformedBody(exceptions.ParseError):
    """The body is not the JSON that it should be; `code` says in what."""

    def __init__(self, code: str, detail: str, status: int = 400) -> None:
        super().__init__(detail, code)
        self.code = code
        self.status_code = status


def problem_of(error: BaseException) -> Problem:
    """Return the problem that tells of `error`; the last resort is 500 `internal_error`."""
    if isinstance(error, exceptions.AuthenticationFailed) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, DomainError):
        return _of_domain_error(error)
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    if isinstance(error, DatabaseError | InterfaceError):
        return database.problem_of(error) or Problem(500)
    if isinstance(error, Http404):
        return Problem(404)
    if isinstance(error, PermissionDenied):
        return Problem(403)
    if isinstance(error, RequestDataTooBig):
        return Problem(413)
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError):
        return Problem(400)
    if isinstance(error, RedisError):
        return Problem(503)
    return Problem(500)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer whatever a view raises with a problem; roll back what it wrote."""
    request = context["request"]
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request_failed", exc_info=error)
    if connection.in_atomic_block and connection.settings_dict["ATOMIC_REQUESTS"]:
        transaction.set_rollback(True)
    return answer_with(problem, request)


def answer_with(problem: Problem, request: Any) -> Response:
    """Answer a view's request with a problem."""
    return Response(
        problem.body(request),
        status=problem.status,
        headers=problem.all_headers(),
        content_type=problem_type(request),
    )


def problem_type(request: Any) -> str | None:
    """Return the content type of a refusal, None where it comes in the envelope."""
    renderer = getattr(request, "accepted_renderer", None)
    enveloped = renderer is not None and renderer.media_type == ENVELOPE_TYPE
    return None if enveloped else PROBLEM_TYPE


def refusal_of(request: HttpRequest, status: int) -> Problem:
    """Return the problem for what Django itself refused, by what was raised or by the status."""
    failure = getattr(request, "failure", None)
    if failure is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem_of(failure)
    return Problem(status)


def _of_domain_error(error: DomainError) -> Problem:
    status = STATUS_BY_CODE.get(error.code) or next(
        (status for kind, status in STATUS_BY_CATEGORY.items() if isinstance(error, kind)), 400
    )
    headers = {}
    wait = getattr(error, "retry_after_seconds", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    current = getattr(error, "current_version", None)
    if current is not None:
        headers["ETag"] = f'"{current}"'
    return Problem(status, error.code, error.told(), error.told_parts(), headers)


def _of_api_exception(error: exceptions.APIException) -> Problem:
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    if isinstance(error, exceptions.ValidationError):
        errors = tuple(_flatten(error.detail, ""))
        codes = {part.code for part in errors}
        code = next((code for code in _PROMOTED if code in codes), "invalid")
        return Problem(400, code, gettext("Some parts of the request are not valid."), errors)
    if isinstance(error, MalformedBody):
        return Problem(error.status_code, error.code, str(error.detail))
    code = _CODE_OF_API_EXCEPTION.get(type(error), "")
    detail = str(error.detail) if isinstance(error, exceptions.ParseError) else ""
    return Problem(error.status_code, code, detail, (), headers)


def _flatten(detail: Any, pointer: str) -> Iterator[FieldError]:
    """Yield every refused part of a nested validation error, with its JSON pointer."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            part = str(key).replace("~", "~0").replace("/", "~1")
            yield from _flatten(value, pointer if key in _WHOLE else f"{pointer}/{part}")
    elif isinstance(detail, list):
        nested = any(isinstance(value, Mapping | list) for value in detail)
        for index, value in enumerate(detail):
            if value:
                yield from _flatten(value, f"{pointer}/{index}" if nested else pointer)
    else:
        yield FieldError(pointer, str(getattr(detail, "code", "invalid")), str(detail))


_WHOLE = ("non_field_errors", "__all__")
