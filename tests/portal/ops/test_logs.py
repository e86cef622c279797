"""Logs: a line an event, whatever is in it, and nothing that must not be in it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.ops.logs import scrub

Lines = Callable[[], list[dict[str, Any]]]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMWExIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        'x\r\n{"event": "forged"}',
        "x\n\n",
        "\x1b[2J\x1b[31mred",
        "\x00\x08\x7f",
        "\u2028\u2029\u0085",
        "\ud800",
        '", "level": "critical',
    ],
)
def test_no_input_forges_a_line_or_a_field(text: str, log_lines: Lines) -> None:
    logging.getLogger("elsewhere").warning("said %s", text)
    structlog.get_logger("ours").warning("said", what=text, **{"key" + text: 1})

    foreign, ours = log_lines()

    assert foreign["event"] == f"said {text}"
    assert (ours["event"], ours["what"], ours["level"]) == ("said", text, "warning")


@pytest.mark.parametrize(
    "secret",
    [
        {"password": "hunter2-hunter2"},
        {"new_password": "hunter2-hunter2"},
        {"body": {"refresh_token": "hunter2-hunter2"}},
        {"headers": [{"Authorization": "hunter2-hunter2"}]},
        {"text": "Bearer hunter2-hunter2"},
        {"text": "password=hunter2-hunter2&x=1"},
        {"text": "{'password': 'hunter2-hunter2'}"},
        {"text": '{"access_token": "hunter2-hunter2"}'},
        {"text": "redis://user:hunter2-hunter2@host/0"},
        {"text": "duplicate key DETAIL: Key (name)=(hunter2-hunter2) exists"},
        {"SECRET_KEY": "hunter2-hunter2"},
        {"cookie": "hunter2-hunter2"},
    ],
)
def test_secrets_are_removed(secret: dict[str, Any], log_lines: Lines) -> None:
    structlog.get_logger("ours").error("told", **secret)

    assert "hunter2" not in str(log_lines())


def test_tokens_are_removed_wherever_they_stand(log_lines: Lines) -> None:
    logging.getLogger("elsewhere").error("GET /x?t=%s failed", JWT)

    (line,) = log_lines()

    assert line["event"] == "GET /x?t=[token] failed"


def test_what_is_no_secret_stays() -> None:
    kept = {
        "event": "request_finished",
        "status": 200,
        "duration_ms": 1.5,
        "tokens_counted": 3,
        "none": None,
        "yes": True,
    }

    assert scrub(kept) == kept


@pytest.mark.django_db
def test_refused_row_does_not_leak_its_values(log_lines: Lines) -> None:
    try:
        with transaction.atomic(), acting(by=SYSTEM_ACCOUNT, reason="test"):
            for _ in range(2):
                User.objects.create(username="canary-ann-miller")
    except IntegrityError:
        logging.getLogger("elsewhere").exception("not saved")

    (line,) = log_lines()

    assert line["exception"][0]["exc_type"] == "IntegrityError"
    assert "canary-ann-miller" not in str(line)


def test_tracebacks_name_places_and_no_values(log_lines: Lines) -> None:
    def fail() -> None:
        weight = "canary-weight"
        raise ValueError(len(weight))

    try:
        fail()
    except ValueError:
        structlog.get_logger("ours").exception("failed")

    (line,) = log_lines()

    assert "canary-weight" not in str(line)
    assert {frame["name"] for frame in line["exception"][0]["frames"]} >= {"fail"}


def test_very_long_and_very_deep_values_are_cut(log_lines: Lines) -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]

    structlog.get_logger("ours").info("long", text="y" * 100_000, deep=deep)

    assert len(str(log_lines()[0])) < 6000


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "uvicorn.access", "django.server"])
def test_servers_write_no_lines_of_their_own_form(name: str) -> None:
    assert logging.getLogger(name).handlers == []
    assert logging.getLogger(name).propagate


def test_answer_of_a_status_is_not_told_twice(log_lines: Lines) -> None:
    logging.getLogger("django.request").error("Service Unavailable: /readyz")

    assert log_lines() == []


def test_failure_of_ours_is_told_with_its_traceback(log_lines: Lines) -> None:
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("django.request").exception("Internal Server Error: /")

    assert log_lines()[0]["exception"][0]["exc_type"] == "KeyError"
