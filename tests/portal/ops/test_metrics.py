"""Measurements: complete, to the right reader, and without anybody's name."""

import re
import uuid

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from pytest_django import Settings

from portal.ops import broker, metrics

pytestmark = pytest.mark.django_db

TOKEN = "m" * 40


def scrape(client: Client, **more: str) -> str:
    """Return the text for Prometheus."""
    response = client.get("/metrics", **more)
    assert response.status_code == 200
    return response.content.decode()


def test_requests_are_measured_by_view_method_and_status(client: Client) -> None:
    client.get("/healthz")

    text = scrape(client)

    assert re.search(
        r'portal_request_duration_seconds_count\{method="GET",status="200",view="healthz"\} \d',
        text,
    )
    assert "portal_requests_in_flight 1.0" in text  # the scrape itself


@pytest.mark.django_db
def test_no_label_repeats_what_a_client_wrote(client: Client) -> None:
    canary = f"canary-{uuid.uuid4()}"
    client.get(f"/{canary}/?name={canary}")
    client.generic("BREW", f"/api/v1/{canary}/")
    client.generic(canary.upper(), "/healthz")
    client.get("/healthz", headers={"User-Agent": canary, "X-Request-Id": canary})

    text = scrape(client)

    assert canary.lower() not in text.lower()
    assert 'method="other"' in text
    assert 'view="unmatched"' in text


@pytest.mark.django_db
def test_database_errors_are_counted_by_class(client: Client) -> None:
    with pytest.raises(Error) as failed, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    before = _count(scrape(client), 'portal_database_errors_total{sqlstate_class="22"}')

    metrics.count_database_error(failed.value)

    assert _count(scrape(client), 'portal_database_errors_total{sqlstate_class="22"}') == before + 1


def _count(text: str, name: str) -> float:
    found = re.search(re.escape(name) + r" (\S+)", text)
    return float(found.group(1)) if found else 0.0


def test_tasks_are_counted_across_processes(client: Client) -> None:
    broker.count_task("tests.sweep", "succeeded")
    broker.count_task("tests.sweep", "succeeded")
    broker.count_task("tests.sweep", "failed")

    text = scrape(client)

    assert _count(text, 'portal_tasks_total{outcome="succeeded",task="tests.sweep"}') >= 2
    assert "portal_broker_up 1.0" in text
    assert "portal_tasks_waiting 0.0" in text


def test_broker_that_is_away_is_measured_not_suffered(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    broker.count_task("tests.sweep", "failed")

    assert "portal_broker_up 0.0" in scrape(client)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 401),
        ("192.0.2.1", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("192.0.2.1", {"Authorization": "Bearer wrong"}, 401),
        ("192.0.2.1", {"Authorization": f"Bearer {TOKEN}é"}, 401),
        ("192.0.2.1", {"Authorization": TOKEN}, 401),
        # An undeclared proxy on this machine makes everybody look like this machine.
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 401),
        ("192.0.2.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
    ],
)
def test_metrics_are_for_this_machine_or_for_the_bearer_of_the_token(
    address: str, headers: dict[str, str], status: int, client: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", headers=headers, REMOTE_ADDR=address)

    assert response.status_code == status


def test_without_a_configured_token_nobody_bears_it(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    response = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.1")

    assert response.status_code == 401
