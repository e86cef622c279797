"""A connection to Valkey that answers or fails at once, for checks and measurements."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_SECONDS = 0.5
TASKS_KEY = "portal:tasks"


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
    try:
        _kept(settings.REDIS_URL).hincrby(TASKS_KEY, f"{name}:{outcome}", 1)
    except (redis.RedisError, OSError):
        return


@cache
def _kept(_url: str) -> redis.Redis:
    """Return the client whose connection stays: a new one costs a fifth of a chunk of reports."""
    return client()
