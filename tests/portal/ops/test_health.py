"""Health says the truth, and says it fast."""

import copy
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.ops import broker, health


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """Point the database settings to a socket where nobody listens."""
    settings.SAFETY_DATABASE = settings.SAFETY_DATABASE | {"HOST": "/nowhere"}
    changed = copy.deepcopy(connection.settings_dict)
    changed["HOST"] = "/nowhere"
    monkeypatch.setattr(connection, "settings_dict", changed)
    yield


def test_alive_is_answered_without_the_database(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_with_database_and_broker(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "details": {
            "database": "ok",
            "broker": "ok",
            "audit": "never",
            "relay": "never seen",
            "watcher": "never seen",
        },
    }


@pytest.mark.django_db
def test_database_that_is_away_is_503_with_its_reason_within_two_seconds(
    client: Client, database_away: None
) -> None:
    health.newest_migrations()
    began = time.monotonic()
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reason"] == "database_unreachable"
    assert response["Retry-After"] == "5"
    assert time.monotonic() - began < 2


@pytest.mark.django_db
def test_database_without_our_newest_migration_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = (*health.newest_migrations(), ("accounts", "9999_from_tomorrow"))
    monkeypatch.setattr(health, "newest_migrations", lambda: newer)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reason"] == "database_not_migrated"


@pytest.mark.django_db
def test_broker_that_is_away_is_a_detail_told_at_once(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    health.newest_migrations()  # read once in the life of a process
    began = time.monotonic()

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["details"]["broker"] == "unreachable"
    assert time.monotonic() - began < 2


@pytest.mark.django_db
def test_the_answer_is_kept_for_a_second(client: Client, settings: Settings) -> None:
    client.get("/readyz")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert client.get("/readyz").json()["details"]["broker"] == "ok"


@pytest.mark.django_db
def test_readiness_does_not_need_the_connection_that_a_request_holds(client: Client) -> None:
    with acting(by=SYSTEM_ACCOUNT), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert client.get("/readyz").status_code == 200


def test_health_refuses_to_be_written_to(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_broker_client_never_tries_again() -> None:
    assert broker.client().get_retry().get_retries() == 0
