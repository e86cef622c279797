"""Answers as bytes: receipts made without a serializer, refusals as everywhere under /api/."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import orjson
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import translation
from django.utils.translation import gettext as _
from msgspec import Struct
from msgspec.json import encode

from patients.intake.asked import Asked
from patients.intake.claims import Bearer
from patients.intake.configured import configured
from patients.intake.jobs import STORED, Job, Outcome
from patients.vocabulary import ReportStatus, UploadResource
from portal.accounts.services.sessions import TokenRevoked, UserInactive
from portal.accounts.services.tokens import TokenExpired, TokenInvalid
from portal.api.errors import problem_of
from portal.api.problems import ENVELOPE_TYPE, Problem, answer, envelope
from portal.core.errors import DomainError, NotFound, NotPermitted, RuleBroken
from portal.ops.cors import vary_by_origin
from portal.ops.middleware import SecurityHeadersMiddleware

Headers = list[tuple[bytes, bytes]]
STATUS_URLS = {
    UploadResource.EPRO_REPORT: "/api/v1/intake/epro-reports/",
    UploadResource.VITALS_UPLOAD: "/api/v1/intake/vitals/",
}
# Shed load comes back spread over these seconds, not all at once.
SOONEST_RETRY, LATEST_RETRY = 2, 12


class SubmissionConflict(RuleBroken):
    """Something else was sent under this submission before; what came first is kept."""

    code = "submission_conflict"


_REFUSALS: Mapping[str, type[DomainError]] = {
    "token_invalid": TokenInvalid,
    "token_expired": TokenExpired,
    "token_revoked": TokenRevoked,
    "user_inactive": UserInactive,
    "not_found": NotFound,
    "forbidden": NotPermitted,
    "submission_conflict": SubmissionConflict,
}


class Common(Struct, frozen=True, gc=False):
    """The headers that every answer has: one by one, and as the lines of an HTTP/1.1 answer."""

    headers: tuple[tuple[bytes, bytes], ...]
    lines: bytes


class Answer(Struct, gc=False):
    """A status, its own headers besides the common ones, a body."""

    status: int
    common: Common
    own: Headers
    body: bytes

    @property
    def headers(self) -> Headers:
        """Return all headers."""
        return [*self.common.headers, *self.own]


def problem_for(outcome: Outcome) -> Problem:
    """Return the problem that tells of a verdict, in the language that is active."""
    if outcome.refusal is not None:
        return outcome.refusal.problem
    refusal = _REFUSALS.get(outcome.code)
    if refusal is not None:
        return problem_of(refusal())
    if outcome.code == "cannot_be_stored":
        return Problem(400, "invalid", _("A value cannot be stored."))
    return unavailable()


def unavailable() -> Problem:
    """Return the problem of a portal that is full or whose database is away."""
    seconds = random.randint(SOONEST_RETRY, LATEST_RETRY)  # noqa: S311 - spreads, hides nothing
    return Problem(
        503,
        "",
        _("Nothing was stored. Keep it, wait as long as Retry-After says and a random time more."),
        (),
        {"Retry-After": str(seconds)},
    )


def too_many(seconds: float) -> Problem:
    """Return the problem of somebody who sends faster than anybody can write diaries."""
    return Problem(429, "", "", (), {"Retry-After": str(max(1, round(seconds + 0.5)))})


def refuse(problem: Problem, asked: Asked, *, request_id: str, bearer: Bearer | None) -> Answer:
    """Answer with a problem; `problem` was made in the language of the request."""
    with translation.override(asked.language):
        response = answer(problem, asked)  # type: ignore[arg-type]
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in response.items()]
    return _finished(asked, problem.status, response.content, headers, request_id, bearer)


def receipt(job: Job) -> dict[str, Any]:
    """Return what the uploader is told of a stored upload."""
    outcome, upload = job.outcome, job.upload
    assert outcome is not None and upload is not None
    return {
        "id": outcome.id,
        "submission_id": upload.submission_id,
        "status": ReportStatus.RECEIVED.value,
        "received_at": utc(outcome.received_at or job.received_at),
        "status_url": STATUS_URLS[job.resource] + outcome.id + "/",
        "warnings": [{"pointer": pointer, "code": code} for pointer, code in outcome.warnings],
    }


def accept(job: Job, asked: Asked, request_id: str) -> Answer:
    """Answer an upload that is on disk."""
    outcome, upload = job.outcome, job.upload
    assert outcome is not None and upload is not None
    more: Headers = []
    if outcome.is_replayed:
        more.append((b"idempotency-replayed", b"true"))
    if outcome.warnings or asked.wants_envelope:
        return tell(202, receipt(job), asked, request_id, job.bearer, more)
    body = (
        f'{{"id":"{outcome.id}","submission_id":"{upload.submission_id}","status":"received",'
        f'"received_at":"{utc(outcome.received_at or job.received_at)}",'
        f'"status_url":"{STATUS_URLS[job.resource]}{outcome.id}/","warnings":[]}}'
    ).encode()
    more.append((b"content-type", b"application/json"))
    return _finished(asked, 202, body, more, request_id, job.bearer)


def tell(
    status: int,
    body: Any,
    asked: Asked,
    request_id: str,
    bearer: Bearer | None,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> Answer:
    """Answer with JSON, enveloped where that was asked for."""
    kind = b"application/json"
    if asked.wants_envelope:
        body, kind = envelope(body, status), ENVELOPE_TYPE.encode()
    headers = [*more, (b"content-type", kind)]
    return _finished(asked, status, orjson.dumps(body), headers, request_id, bearer)


def verdicts(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Return one verdict for each report of a batch, in order; session verdicts are not here."""
    told = []
    for job in jobs:
        assert job.outcome is not None
        submission = job.upload.submission_id if job.upload else None
        if submission is None and job.refusal is not None:
            submission = job.refusal.submission_id
        if job.outcome.code == STORED:
            told.append({"submission_id": submission, "status": 202, "receipt": receipt(job)})
        else:
            problem = problem_for(job.outcome)
            body = problem.body(_BatchAddress)  # type: ignore[arg-type]
            told.append({"submission_id": submission, "status": problem.status, "problem": body})
    return told


class _BatchAddress:
    path = "/api/v1/intake/batch/"


def utc(at: datetime) -> str:
    """Return an instant as the API writes it."""
    return encode(at if at.tzinfo is UTC else at.astimezone(UTC))[1:-1].decode()


def _finished(
    asked: Asked,
    status: int,
    body: bytes,
    more: Headers,
    request_id: str,
    bearer: Bearer | None,
) -> Answer:
    headers = [
        *more,
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    if bearer is not None:
        left = bearer.expires - time.time()
        if left < configured().refresh_within_seconds:
            headers.append((b"x-token-refresh-required", b"true"))
            headers.append((b"x-token-expires-at", _second(bearer.expires)))
    return Answer(status, _common(asked.is_secure, asked.language), headers, body)


@lru_cache(maxsize=1024)
def _second(expires: int) -> bytes:
    return utc(datetime.fromtimestamp(expires, UTC)).encode()


@cache
def _common(is_secure: bool, language: str) -> Common:
    """Return the headers that every answer under /api/ has, as Django's middleware sets them."""
    request = HttpRequest()
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "443"}
    request.path = request.path_info = "/api/v1/intake/"
    if is_secure and settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        request.META[name] = value
    elif is_secure:
        request._get_scheme = lambda: "https"  # type: ignore[attr-defined]

    def bare(_: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        del response["Content-Type"]
        return response

    response: Any = SecurityMiddleware(
        CSPMiddleware(SecurityHeadersMiddleware(XFrameOptionsMiddleware(bare)))  # type: ignore[arg-type]
    )(request)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Accept-Language, Authorization, Accept"
    response["Content-Language"] = language
    headers = [(k.lower().encode(), v.encode()) for k, v in response.items()]
    lines = list(headers)
    if settings.CORS_ORIGINS:
        # Nothing stands around an answer that is written as lines.
        vary_by_origin(lines)
    return Common(tuple(headers), b"".join(b"%s: %s\r\n" % line for line in lines))


def _forget(**_: Any) -> None:
    _common.cache_clear()


setting_changed.connect(_forget)
