"""Refusals: one shape, in the reader's language, whoever refuses (RFC 9457)."""

from typing import Any

import psycopg
import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.test import Client

from portal.api.errors import problem_of
from portal.core.errors import (
    DomainError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RuleBroken,
    Stale,
    Unavailable,
)
from tests.access.world import World, bearer, make_person

ENVELOPE = "application/vnd.portal.envelope+json"


def _problem(path: str, **headers: str) -> Any:
    answer = Client().get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "instance"} <= set(body)
    assert body["status"] == answer.status_code
    return body


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api", 404, "not_found"),
        ("/api/", 404, "not_found"),
        ("/api/v1/", 404, "not_found"),
        ("/api/v1/patients", 404, "not_found"),
        ("/api/v1/patients/x/", 404, "not_found"),
        ("/api/v1/nothing/", 404, "not_found"),
        ("/api/v1/auth/me/", 401, "token_missing"),
        ("/api/v1/auth/token/", 405, "method_not_allowed"),
    ],
)
def test_everything_below_api_is_a_problem(path: str, status: int, code: str) -> None:
    body = _problem(path)
    assert (body["status"], body["code"], body["instance"]) == (status, code, path)


def test_a_foreign_host_is_a_problem() -> None:
    assert _problem("/api/v1/auth/me/", host="evil.example")["status"] == 400


def test_an_unacceptable_format_is_a_problem() -> None:
    assert _problem("/api/v1/auth/me/", accept="text/html")["status"] == 406


def test_problems_speak_the_readers_language_and_keep_their_code() -> None:
    english = _problem("/api/v1/nothing/")
    chinese = _problem("/api/v1/nothing/", accept_language="zh-Hans")
    assert chinese["code"] == english["code"]
    assert (chinese["title"], chinese["detail"]) == ("这里没有内容", "没有这样的记录或地址。")
    me = _problem("/api/v1/auth/me/", accept_language="zh-Hans", authorization="Bearer x")
    assert me["detail"] == "令牌无效。"


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/v1/auth/me/"])
def test_an_envelope_carries_the_status_of_a_problem(path: str) -> None:
    answer = Client().get(path, headers={"accept": ENVELOPE})
    body = answer.json()
    assert answer["Content-Type"] == ENVELOPE
    assert body["code"] == answer.status_code == body["data"]["status"]
    assert body["message"] == body["data"]["title"]


def test_an_envelope_goes_round_the_same_body(world: World) -> None:
    headers = bearer(make_person(world, "enveloped", "inspector"))
    plain = Client().get("/api/v1/trials/", headers=headers)
    wrapped = Client().get("/api/v1/trials/", headers={**headers, "accept": ENVELOPE})
    assert wrapped.json() == {"code": 0, "message": "ok", "data": plain.json()}


def test_answers_are_never_stored_and_vary_with_who_asks(world: World) -> None:
    headers = bearer(make_person(world, "varied", "inspector"))
    for path in ("/api/v1/trials/", "/api/v1/nothing/", "/api/v1/schema/", "/api/v1/docs/"):
        answer = Client().get(path, headers=headers)
        assert answer["Cache-Control"] == "no-store"
        vary = {part.strip() for part in answer["Vary"].split(",")}
        assert {"Authorization", "Accept", "Accept-Language"} <= vary


def test_a_token_near_its_end_is_announced(world: World) -> None:
    person = make_person(world, "late", "inspector")
    fresh = Client().get("/api/v1/trials/", headers=bearer(person))
    late = Client().get("/api/v1/trials/", headers=bearer(person, ago=500))
    assert "X-Token-Refresh-Required" not in fresh
    assert late["X-Token-Refresh-Required"] == "true"
    assert late["X-Token-Expires-At"].endswith("Z")


def test_a_known_version_is_not_sent_again(world: World) -> None:
    headers = bearer(make_person(world, "cached", "inspector"))
    path = f"/api/v1/patients/{world.patients[0].pk}/"
    first = Client().get(path, headers=headers)
    assert first["ETag"] == f'"{first.json()["version"]}"'
    again = Client().get(path, headers={**headers, "if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = Client().get(path, headers={**headers, "if-none-match": '"999"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput(), 400),
        (NotAuthenticated(), 401),
        (NotPermitted(), 403),
        (NotFound(), 404),
        (RuleBroken(), 409),
        (Stale(), 412),
        (Unavailable(), 503),
        (SuspiciousOperation(), 400),
        (RequestDataTooBig(), 413),
    ],
)
def test_categories_have_their_status(error: Exception, status: int) -> None:
    problem = problem_of(error)
    assert problem.status == status
    assert ("Retry-After" in problem.all_headers()) == (status == 503)


def test_every_category_of_refusal_has_a_status() -> None:
    for category in DomainError.__subclasses__():
        if category.__module__ == "portal.core.errors":
            assert problem_of(category()).code == category.code


def _raised(kind: type[Exception], state: str | None) -> Exception:
    """Return a database error as Django raises it, from one that the server sent."""
    cause = psycopg.errors.lookup(state)() if state else psycopg.OperationalError()
    try:
        raise kind() from cause
    except kind as error:
        return error


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        (OperationalError, None, 503),
        (OperationalError, "08006", 503),
        (OperationalError, "57P01", 503),
        (OperationalError, "57014", 503),
        (OperationalError, "53100", 503),
        (OperationalError, "53300", 503),
        (OperationalError, "55P03", 503),
        (OperationalError, "40001", 503),
        (OperationalError, "40P01", 503),
        (DatabaseError, "25006", 503),
        (DataError, "22003", 400),
        (DataError, "22021", 400),
        (IntegrityError, "23505", 409),
        (IntegrityError, "23514", 409),
        (IntegrityError, "23P01", 409),
        (DatabaseError, "42P01", 500),
    ],
)
@pytest.mark.req("F22", "F24", "F27")
def test_database_errors_are_told_by_their_sqlstate(
    kind: type[Exception], state: str | None, status: int
) -> None:
    assert problem_of(_raised(kind, state)).status == status


@pytest.mark.django_db
def test_a_change_without_a_reason_is_refused_as_such() -> None:
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('portal.actor', gen_random_uuid()::text, true)")
        cursor.execute("SELECT * FROM declared_context('patients_patient', true)")
    problem = problem_of(caught.value)
    assert (problem.status, problem.code) == (400, "change_reason_required")


@pytest.mark.django_db
def test_the_first_failure_is_told_and_not_what_stumbled_over_it() -> None:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        try:
            cursor.execute("SELECT 1 / 0")
        finally:
            cursor.execute("SELECT 1")
    assert problem_of(caught.value).status == 400
