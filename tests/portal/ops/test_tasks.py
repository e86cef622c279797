"""Tasks: ids only, no surprises from other versions, and the request id all the way."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import structlog
from celery import signals
from celery.contrib.testing.worker import start_worker
from django.db import connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from portal.celery import answer_first, app
from portal.core.history import Source, circumstances
from portal.core.tasks import NotAnId, hint, task
from portal.ops import broker

SEEN: list[dict[str, Any]] = []


@task
def remember(*, patient: str = "") -> None:
    """Note what arrived, and under which circumstances."""
    SEEN.append({"patient": patient, "under": circumstances.get()})


@task
def fail(*, patient: str = "") -> None:
    """Fail with something in the message that no log may repeat as a value."""
    raise ValueError(f"no such patient {patient}")


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


@pytest.fixture
def worker() -> Iterator[None]:
    """A worker on the suite's own Valkey, in the suite's own process: that gives way to nobody."""
    signals.worker_init.disconnect(answer_first)
    try:
        with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=20):
            yield
    finally:
        signals.worker_init.connect(answer_first)


def wait_for(count: Callable[[], int], wanted: int) -> None:
    """Wait until the worker is done."""

    give_up = time.monotonic() + 15
    while count() < wanted and time.monotonic() < give_up:
        time.sleep(0.02)
    assert count() == wanted


def test_task_is_named_by_module_and_function_and_acknowledged_late() -> None:
    assert remember.name == f"{__name__}.remember"
    assert remember.acks_late
    assert remember.reject_on_worker_lost
    assert app.conf.task_ignore_result


def test_task_takes_keywords_only() -> None:
    with pytest.raises(TypeError, match="keyword-only"):

        @task
        def wrong(patient: str) -> None: ...


@pytest.mark.django_db
def test_unknown_keywords_of_another_version_are_ignored() -> None:
    remember(patient="p1", added_in_a_later_version="x")

    assert SEEN[0]["patient"] == "p1"


@pytest.mark.django_db
def test_task_acts_as_a_task_under_the_request_that_sent_it() -> None:
    request_id = str(uuid.uuid4())
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        remember()

    assert SEEN[0]["under"].source == Source.TASK
    assert SEEN[0]["under"].request_id == request_id


@pytest.mark.parametrize("value", [{"name": "Ann"}, ["Ann"], 1.5, None, b"x", "x" * 101])
def test_only_ids_are_sent(value: Any) -> None:
    with pytest.raises(NotAnId):
        hint(remember, patient=value)


@pytest.mark.django_db
def test_hint_waits_for_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as waiting:
        hint(remember, patient=uuid.uuid4())

    assert len(waiting) == 1
    with broker.client() as valkey:
        assert valkey.llen("default") == 0


@pytest.mark.django_db
def test_broker_that_is_away_fails_no_request(
    settings: Settings,
    log_lines: Callable[[], list[dict[str, Any]]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with app.connection_for_write("redis://127.0.0.1:1/0") as away:
        monkeypatch.setattr(app, "producer_or_acquire", lambda producer=None: _producer(away))

        with django_capture_on_commit_callbacks(execute=True):
            hint(remember, patient=uuid.uuid4())

    assert [line["event"] for line in log_lines()] == ["hint_not_sent"]


def _producer(connection_away: Any) -> Any:

    return nullcontext(app.amqp.Producer(connection_away, auto_declare=False))


@pytest.mark.django_db(transaction=True)
def test_request_id_reaches_the_worker_and_its_log(
    worker: None, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    request_id, patient = str(uuid.uuid4()), uuid.uuid4()
    with structlog.contextvars.bound_contextvars(request_id=request_id), transaction.atomic():
        hint(remember, patient=patient)
        assert connection.in_atomic_block

    wait_for(lambda: len(SEEN), 1)

    assert SEEN[0]["patient"] == str(patient)
    assert SEEN[0]["under"].request_id == request_id
    wait_for(lambda: sum(line["event"] == "task_succeeded" for line in log_lines()), 1)
    events = {line["event"] for line in log_lines() if line.get("request_id") == request_id}
    assert {"task_enqueued", "task_started", "task_succeeded"} <= events


@pytest.mark.django_db(transaction=True)
def test_failed_task_is_counted_and_logged_once(
    worker: None, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    def counted() -> int:
        with broker.client() as valkey:
            return int(valkey.hget(broker.TASKS_KEY, f"{fail.name}:failed") or 0)

    before = counted()
    hint(fail, patient="p1")

    wait_for(lambda: counted() - before, 1)
    lines = [line for line in log_lines() if "fail" in json.dumps(line)]
    assert [line["event"] for line in lines].count("task_failed") == 1


def test_every_scheduled_task_is_known_by_its_full_name() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled >= {
        "trials.tasks.sync_access",
        "portal.accounts.tasks.close_expired_sessions",
    }
    assert scheduled <= set(app.tasks)
