"""A database that is away, locked or read-only is 503 with Retry-After, never 500 (F22 to F33)."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from tests.access.world import bearer, make_person, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.DATABASE_URL) as made:
        yield made


@pytest.fixture
def headers() -> dict[str, str]:
    return bearer(make_person(make_world(), "inspector", "inspector"))


def _check_unavailable(answer: Any) -> None:
    assert answer.status_code == 503, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0


@pytest.mark.req("F24")
def test_a_lost_connection_is_told_as_such_and_the_next_request_works(
    headers: dict[str, str], other: psycopg.Connection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.commit()
    _check_unavailable(Client().get("/api/v1/patients/", headers=headers))
    connection.close_if_unusable_or_obsolete()
    assert Client().get("/api/v1/patients/", headers=headers).status_code == 200


@pytest.mark.req("F28")
def test_a_locked_table_is_told_as_such(headers: dict[str, str], other: psycopg.Connection) -> None:
    other.execute("LOCK TABLE patients_patient IN ACCESS EXCLUSIVE MODE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    _check_unavailable(Client().get("/api/v1/patients/", headers=headers))
    assert Client().get("/api/v1/trials/", headers=headers).status_code == 200


@pytest.mark.req("F23")
def test_a_read_only_database_still_reads(headers: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    _check_unavailable(
        Client().post("/api/v1/auth/logout/", {}, "application/json", headers=headers)
    )
    assert Client().get("/api/v1/patients/", headers=headers).status_code == 200
