"""Celery, behind one decorator. A task is a hint that there is work: the work itself is a row.

Tasks take keyword ids, ignore keywords that they do not know (an old worker, a new message), are
acknowledged after they ran, and may run twice.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any
from uuid import UUID

import redis
import structlog
from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.core.history import Source, under

log = structlog.get_logger(__name__)

BROKER_SECONDS = 2

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()


class NotAnId(TypeError):
    """Tasks are sent ids only: the rows hold the data, and no broker ever sees it."""


def task(function: Callable[..., None]) -> Any:
    """Make `function` a task, named by its module and name. It must take keyword-only arguments.

    It runs under source `task` and the request id of whoever sent it; it calls a service and
    contains no rule.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is not inspect.Parameter.KEYWORD_ONLY for parameter in parameters):
        raise TypeError(f"{function.__qualname__}: a task takes keyword-only arguments")
    known = {parameter.name for parameter in parameters}

    @functools.wraps(function)
    def run(**ids: Any) -> None:
        if not connection.in_atomic_block:
            # Kept from task to task, so looked at first: its server may have been restarted.
            connection.close_if_unusable_or_obsolete()
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        with under(source=Source.TASK, request_id=request_id):
            function(**{name: value for name, value in ids.items() if name in known})

    name = f"{function.__module__}.{function.__qualname__}"
    return app.task(name=name, acks_late=True, reject_on_worker_lost=True, typing=False)(run)


def hint(to: Any, **ids: UUID | str | int) -> None:
    """Tell a worker, once the transaction commits, that there is work; a lost hint loses nothing.

    A broker that is down delays the work until the next sweep and fails no request.
    Raises: NotAnId.
    """
    for name, value in ids.items():
        if not isinstance(value, UUID | str | int) or len(str(value)) > 100:
            raise NotAnId(name)
    message = {name: str(v) if isinstance(v, UUID) else v for name, v in ids.items()}
    transaction.on_commit(lambda: _send(to, message))


def _send(to: Any, message: dict[str, str | int]) -> None:
    try:
        to.apply_async(kwargs=message, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("hint_not_sent", task=to.name, error=type(error).__name__)


def send(to: Any, *, queue: str, **ids: str | int) -> bool:
    """Send a task to a queue now; tell whether the broker took it. It is given two seconds."""
    try:
        to.apply_async(kwargs=ids, queue=queue, retry=False)
    except (OperationalError, OSError, redis.RedisError) as error:
        log.warning("task_not_sent", task=to.name, error=type(error).__name__)
        return False
    return True


def waiting(queue: str) -> int | None:
    """Return how many messages of a queue no worker has taken; None when the broker is away."""
    try:
        return int(_broker().llen(queue))
    except (OSError, redis.RedisError):
        return None


@functools.cache
def _broker() -> Any:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
