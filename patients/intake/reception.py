"""From a request to jobs and from jobs to the answer, the same for every way of serving it."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

from django.utils import translation
from msgspec import Struct
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    NotAuthenticated,
    UnsupportedMediaType,
)

from patients.intake import answers
from patients.intake.answers import Answer
from patients.intake.asked import Asked
from patients.intake.bodies import Doubt, Upload, read_batch, read_report, read_upload
from patients.intake.claims import Bearer, bearer_of
from patients.intake.configured import configured
from patients.intake.jobs import STORED, Job
from patients.intake.limits import Pace
from patients.intake.refusals import Refusal, explain
from patients.intake.writing import SESSION
from patients.vocabulary import UploadResource
from portal.accounts.services.tokens import TokenInvalid
from portal.api.errors import MalformedBody, problem_of
from portal.api.problems import Problem
from portal.api.views import PortalView
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.ids import uuid7_text

PREFIX = "/api/v1/intake/"


class Route(Enum):
    """The addresses that take uploads."""

    REPORT = PREFIX + "epro-reports/"
    VITALS = PREFIX + "vitals/"
    BATCH = PREFIX + "batch/"


ROUTES = {route.value: route for route in Route}
_RESOURCES = {
    Route.REPORT: UploadResource.EPRO_REPORT,
    Route.VITALS: UploadResource.VITALS_UPLOAD,
    Route.BATCH: UploadResource.EPRO_REPORT,
}
_READERS = {UploadResource.EPRO_REPORT: read_report, UploadResource.VITALS_UPLOAD: read_upload}


class Visit(Struct):
    """One request that is being served: of what was asked, what its answer needs.

    `unreadable` is what is wrong with the type or the encoding of its body, whatever that is.
    """

    asked: Asked
    route: Route
    at: datetime
    bearer: Bearer
    request_id: str
    unreadable: Exception | None = None
    # A batch that could be taken apart is answered report by report.
    is_taken_apart: bool = False

    def refuse(self, problem: Problem) -> Answer:
        """Answer with a problem."""
        return answers.refuse(problem, self.asked, request_id=self.request_id, bearer=self.bearer)


def request_id_of(asked: Asked, at: datetime | None = None) -> str:
    """Return the client's request id if it is a UUID, else a new one."""
    sent = asked.headers.get(b"x-request-id")
    if sent is not None and len(sent) == 36:
        try:
            return str(UUID(sent.decode("latin-1")))
        except ValueError:
            pass
    return uuid7_text(at or clock.now())


def enter(asked: Asked, route: Route, pace: Pace, at: datetime) -> Visit | Answer:
    """Check all that can be known before the body: who asks, how, how often."""
    request_id = request_id_of(asked, at)
    try:
        check_form(asked, ("POST",))
        bearer = bearer_from(asked, at)
        if asked.query:
            PortalView().check_parameters(asked)  # type: ignore[arg-type]
    except (DomainError, APIException) as error:
        return refuse_early(asked, error, request_id)
    seconds = pace.wait(bearer.user)
    if seconds:
        with translation.override(asked.language):
            problem = answers.too_many(seconds)
        return answers.refuse(problem, asked, request_id=request_id, bearer=bearer)
    return Visit(asked.lasting(), route, at, bearer, request_id, check_type(asked))


def refuse_early(
    asked: Asked, error: Exception, request_id: str = "", *, allow: str = "POST"
) -> Answer:
    """Answer what is refused whoever asks."""
    with translation.override(asked.language):
        problem = problem_of(error)
    answer = answers.refuse(
        problem, asked, request_id=request_id or request_id_of(asked), bearer=None
    )
    if isinstance(error, MethodNotAllowed):
        answer.own.append((b"allow", allow.encode()))
    return answer


def check_form(asked: Asked, methods: Sequence[str]) -> None:
    """Check host, method and the format asked for. Raises: APIException."""
    if not asked.has_known_host:
        raise MalformedBody("bad_request", "", 400)
    if asked.method not in methods:
        raise MethodNotAllowed(asked.method)
    _ = asked.wants_envelope


def bearer_from(asked: Asked, at: datetime) -> Bearer:
    """Return who asks. Raises: NotAuthenticated, TokenInvalid, TokenExpired."""
    header = asked.headers.get(b"authorization")
    if not header:
        raise NotAuthenticated
    if header[:7].lower() != b"bearer ":
        raise TokenInvalid()
    return bearer_of(header[7:].strip(), at)


def check_type(asked: Asked) -> Exception | None:
    """Return what is wrong with the type or the encoding of the body."""
    kind = asked.headers.get(b"content-type", b"")
    encoding = asked.headers.get(b"content-encoding", b"identity")
    if encoding.strip().lower() not in (b"", b"identity"):
        return UnsupportedMediaType(encoding.decode("latin-1"))
    if kind != b"application/json":
        bare = kind.partition(b";")[0].strip().lower()
        if bare != b"application/json":
            return UnsupportedMediaType(kind.decode("latin-1"))
    return None


def is_too_large(asked: Asked) -> bool:
    """Whether the client itself says that its body is too large."""
    declared = asked.headers.get(b"content-length", b"")
    return declared.isdigit() and int(declared) > configured().largest_body


def too_large() -> MalformedBody:
    """Return the refusal of a body that is larger than the portal reads."""
    return MalformedBody("too_large", "", 413)


def open_jobs(visit: Visit, body: bytes | None, failure: Exception | None) -> Sequence[Job]:
    """Return the jobs that a body asks for. Without a body, `failure` says what is wrong."""
    resource = _RESOURCES[visit.route]
    failure = failure or visit.unreadable
    if failure is not None or body is None:
        with translation.override(visit.asked.language):
            refusal = Refusal(problem_of(failure or too_large()), is_kept=False)
        return [_job(visit, resource, b"", refusal=refusal)]
    if visit.route is not Route.BATCH:
        return [_read(visit, resource, body)]
    try:
        reports = read_batch(body)
    except Doubt:
        with translation.override(visit.asked.language):
            return [_job(visit, resource, body, refusal=explain(body, None, visit.at))]
    visit.is_taken_apart = True
    return [_read(visit, resource, report) for report in reports] or [_check_only(visit)]


def _check_only(visit: Visit) -> Job:
    """Return a job that only asks whether the session counts: nothing was sent."""
    refusal = Refusal(Problem(400), is_kept=False)
    return _job(visit, UploadResource.EPRO_REPORT, b"", refusal=refusal)


def _read(visit: Visit, resource: UploadResource, body: bytes) -> Job:
    try:
        upload = _READERS[resource](body, visit.at)
    except Doubt:
        with translation.override(visit.asked.language):
            return _job(visit, resource, body, refusal=explain(body, resource, visit.at))
    return _job(visit, resource, body, upload=upload)


def _job(
    visit: Visit,
    resource: UploadResource,
    raw: bytes,
    *,
    upload: Upload | None = None,
    refusal: Refusal | None = None,
) -> Job:
    return Job(
        id=uuid7_text(visit.at),
        bearer=visit.bearer,
        received_at=visit.at,
        resource=resource,
        raw=raw,
        upload=upload,
        refusal=refusal,
    )


def answer_to(visit: Visit, jobs: Sequence[Job]) -> Answer:
    """Return the answer once every job has its outcome."""
    if not visit.is_taken_apart:
        return _answer_one(visit, jobs[0])
    gone = next((job for job in jobs if job.outcome and job.outcome.code in SESSION), None)
    if gone is not None:
        return _answer_one(visit, gone)
    told_of = [job for job in jobs if job.raw]
    with translation.override(visit.asked.language):
        told = {"results": answers.verdicts(told_of)}
    return answers.tell(200, told, visit.asked, visit.request_id, visit.bearer)


def _answer_one(visit: Visit, job: Job) -> Answer:
    assert job.outcome is not None
    if job.outcome.code == STORED:
        return answers.accept(job, visit.asked, visit.request_id)
    with translation.override(visit.asked.language):
        problem = answers.problem_for(job.outcome)
    return visit.refuse(problem)
