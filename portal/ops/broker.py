"""A connection to Valkey that answers or fails at once, for checks and measurements."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_SECONDS = 0.5
TASKS_KEY = "portal:tasks"
STEPPED_OVER_KEY = "portal:live:stepped_over"


def client() -> redis.Redis:
    """Return a client without retries: the library's default would wait for seconds."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def state() -> str:
    """Return `ok` or `unreachable`."""
    try:
        with client() as broker:
            broker.ping()
    except (redis.RedisError, OSError):
        return "unreachable"
    return "ok"


def count_task(name: str, outcome: str) -> None:
    """Count a task that ended, for /metrics; a broker that is away counts nothing."""
    _count(TASKS_KEY, f"{name}:{outcome}", 1)


def count_stepped_over(resource: str, count: int) -> None:
    """Count records that could not be told live, for /metrics, as `count_task` does."""
    _count(STEPPED_OVER_KEY, resource, count)


def _count(key: str, what: str, by: int) -> None:
    try:
        _kept(settings.REDIS_URL).hincrby(key, what, by)
    except (redis.RedisError, OSError):
        return


@cache
def _kept(_url: str) -> redis.Redis:
    """Return the client whose connection stays: a new one costs a fifth of a chunk of reports."""
    return client()
