"""`check --deploy`: clean where it is right, and each mistake by its id."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from django.db import connection
from pytest_django import Settings

from portal.ops import broker, checks, connection_checks

ROOT = Path(__file__).resolve().parents[3]
STRONG = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"


def ids(found: Iterator[CheckMessage]) -> list[str]:
    """Return the ids of what a check found."""
    return [str(message.id) for message in found]


def check_deploy(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run `check --deploy` in production mode, as an operator would."""
    environment = {
        **os.environ,
        "PORTAL_MODE": "production",
        "SECRET_KEY": STRONG,
        "JWT_SIGNING_KEY": STRONG[::-1],
        "PORTAL_ALLOWED_HOSTS": "portal.example",
        "PORTAL_TRUSTED_PROXIES": "1",
        "PORTAL_MAIL_URL": "smtp+tls://portal:word@mail.example:587",
        "PORTAL_MAIL_FROM": "portal@portal.example",
        **changes,
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db(transaction=True)
def test_production_is_clean_but_for_the_suites_own_fast_server() -> None:
    """The suite's PostgreSQL runs without fsync; nothing else may be found."""
    done = check_deploy()

    found = {line.split(")")[0][4:] for line in done.stderr.splitlines() if line.startswith("?: (")}
    settings_of_the_suite = {"portal.E001"}
    assert found <= settings_of_the_suite, done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["off", "local"])
def test_commit_that_does_not_wait_for_the_disk_is_an_error(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('synchronous_commit', %s, true)", [value])

    messages = [m.msg for m in checks.commits_reach_the_disk()]

    assert f"PostgreSQL's synchronous_commit is {value}." in messages


@pytest.mark.django_db
def test_commit_that_waits_is_no_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('synchronous_commit', 'on', true)")

    assert "synchronous_commit" not in " ".join(m.msg for m in checks.commits_reach_the_disk())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "owner", ["", "postgresql://portal_app@localhost/portal"], ids=["none", "the same"]
)
def test_one_database_role_is_an_error(owner: str, settings: Settings) -> None:
    settings.DATABASE_OWNER_URL = owner

    assert ids(checks.application_is_not_the_owner()) == ["portal.E002"]


@pytest.mark.django_db
def test_two_database_roles_are_no_error() -> None:
    assert ids(checks.application_is_not_the_owner()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("JWT_SIGNING_KEY", "ab" * 40),
        ("METRICS_TOKEN", "short"),
    ],
)
def test_weak_key_is_an_error(name: str, value: str, settings: Settings) -> None:
    settings.SECRET_KEY, settings.JWT_SIGNING_KEY = STRONG, STRONG[::-1]
    assert ids(checks.keys_are_strong()) == []

    setattr(settings, name, value)

    assert ids(checks.keys_are_strong()) == ["portal.E003"]


@pytest.mark.parametrize("name", ["IDENTITY_KEYS", "IDENTITY_INDEX_KEY"])
@pytest.mark.parametrize("value", ["", "nonsense", "k1:QUFB", "A" * 43, "k1:" + "A" * 43])
def test_weak_key_of_personal_data_is_an_error(name: str, value: str, settings: Settings) -> None:
    settings.SECRET_KEY, settings.JWT_SIGNING_KEY = STRONG, STRONG[::-1]

    setattr(settings, name, value)

    assert ids(checks.keys_are_strong()) == ["portal.E003"]


def test_one_key_for_sealing_and_searching_is_an_error(settings: Settings) -> None:
    settings.IDENTITY_KEYS = f"k2:{settings.IDENTITY_INDEX_KEY},{settings.IDENTITY_KEYS}"

    assert ids(checks.keys_are_distinct()) == ["portal.E004"]


@pytest.mark.parametrize("name", ["JWT_SIGNING_KEY", "METRICS_TOKEN"])
def test_one_key_for_two_doors_is_an_error(name: str, settings: Settings) -> None:
    assert ids(checks.keys_are_distinct()) == []

    setattr(settings, name, settings.SECRET_KEY)

    assert ids(checks.keys_are_distinct()) == ["portal.E004"]


@pytest.fixture
def policy() -> Iterator[None]:
    """Put the broker's policy back afterwards."""
    with broker.client() as valkey:
        before = valkey.config_get("maxmemory-policy")["maxmemory-policy"]
        yield
        valkey.config_set("maxmemory-policy", before)


@pytest.mark.req("F43")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("noeviction", []),
        ("allkeys-lru", ["portal.E005"]),
        ("allkeys-random", ["portal.E005"]),
        ("volatile-ttl", ["portal.E005"]),
    ],
)
def test_broker_that_evicts_is_an_error(name: str, found: list[str], policy: None) -> None:
    with broker.client() as valkey:
        valkey.config_set("maxmemory-policy", name)

    assert ids(checks.broker_never_evicts()) == found


def test_broker_that_cannot_be_asked_is_a_warning(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert ids(checks.broker_never_evicts()) == ["portal.W005"]


def test_proxies_must_be_counted_even_if_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORTAL_TRUSTED_PROXIES", raising=False)
    assert ids(checks.proxies_are_counted()) == ["portal.E006"]

    monkeypatch.setenv("PORTAL_TRUSTED_PROXIES", "0")
    assert ids(checks.proxies_are_counted()) == []


def test_every_host_is_too_many(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert ids(checks.hosts_are_named()) == ["portal.E007"]


@pytest.mark.parametrize(
    ("algorithm", "verifying", "found"),
    [
        ("HS256", "", []),
        ("RS256", "a public key", []),
        ("EdDSA", "a public key", []),
        ("RS256", "", ["portal.E008"]),
        ("HS512", "", ["portal.E008"]),
        ("none", "", ["portal.E008"]),
    ],
)
def test_token_algorithm_is_one_that_was_tried_and_has_its_key(
    algorithm: str, verifying: str, found: list[str], settings: Settings
) -> None:
    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "ALGORITHM": algorithm,
        "VERIFYING_KEY": verifying,
    }

    assert ids(checks.token_algorithm_is_sound()) == found


def test_every_check_has_a_sentence_and_an_id() -> None:
    sources = [Path(module.__file__).read_text() for module in (checks, connection_checks)]

    assert len(checks.CHECKS) == 11
    assert all(check.__doc__ for check in checks.CHECKS)
    known = [f"portal.E00{n}" for n in range(1, 10)] + ["portal.E011", "portal.E012"]
    assert set(known) <= set('"'.join(sources).split('"'))


@pytest.mark.req("F31")
@pytest.mark.parametrize(
    ("server", "found"),
    [
        ((97, 20, True, 180_000, "on"), []),
        ((97, 16, True, 180_000, "on"), ["portal.E011"]),
        ((97, 20, False, 180_000, "on"), ["portal.E011"]),
        ((39, 20, True, 180_000, "on"), ["portal.E012"]),
        ((97, 0, False, 150_000, "on"), ["portal.W011"]),
        ((97, 20, True, 180_000, "off"), ["portal.E001"]),
    ],
    ids=["enough", "few kept", "not for us", "few others", "an old server", "careless"],
)
def test_connections_of_a_server_are_added_up(
    server: tuple[int, int, bool, int, str], found: list[str]
) -> None:
    assert ids(connection_checks.judge(*server)) == found


@pytest.mark.req("F31")
def test_no_role_for_safety_reports_is_an_error(settings: Settings) -> None:
    settings.DATABASE_SAFETY_URL = ""

    assert ids(connection_checks.safety_reports_find_a_connection()) == ["portal.E011"]
