"""Measurements for Prometheus: this process's requests and database errors, and Celery's tasks.

No label ever holds an id, a name or anything that a person wrote.
"""

from collections.abc import Iterator

import redis
from django.conf import settings
from django.db import DatabaseError, Error, InterfaceError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from portal.audit.nightly import last_verification
from portal.ops.broker import STEPPED_OVER_KEY, TASKS_KEY, client
from portal.ops.logs import UnhinderedHandler
from portal.outbox.standing import standing

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUEST_SECONDS = Histogram(
    "portal_request_duration_seconds",
    "Time from the first middleware to the answer",
    ["view", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("portal_requests_in_flight", "Requests being answered", registry=REGISTRY)
DATABASE_ERRORS = Counter(
    "portal_database_errors_total",
    "Statements that the database refused, by class of SQLSTATE",
    ["sqlstate_class"],
    registry=REGISTRY,
)
LOST_LOG_LINES = Gauge(
    "portal_log_lines_lost", "Lines of this process's log that nobody took", registry=REGISTRY
)
LOST_LOG_LINES.set_function(lambda: UnhinderedHandler.lost)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def known_method(method: str) -> str:
    """Return the method, or `other`: clients may write any word there."""
    return method if method in _METHODS else "other"


def observe_request(view: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    REQUEST_SECONDS.labels(view, known_method(method), str(status)).observe(seconds)


def count_database_error(error: Error) -> None:
    """Count a failed statement by the first two characters of its SQLSTATE."""
    sqlstate = getattr(error.__cause__, "sqlstate", None) or "none"
    DATABASE_ERRORS.labels(str(sqlstate)[:2]).inc()


class BrokerCollector(Collector):
    """What other programs counted and what waits for workers, read from the broker at scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield the broker's metrics; with the broker away, only that it is."""
        up = GaugeMetricFamily("portal_broker_up", "Whether the broker answers")
        waiting = GaugeMetricFamily("portal_tasks_waiting", "Tasks in the queue")
        done = CounterMetricFamily(
            "portal_tasks", "Tasks that ended, by outcome", labels=["task", "outcome"]
        )
        over = CounterMetricFamily(
            "portal_live_stepped_over",
            "Records that could not be told live: alarm on any",
            labels=["resource"],
        )
        try:
            with client() as broker:
                waiting.add_metric([], float(broker.llen(settings.CELERY_TASK_DEFAULT_QUEUE)))
                for key, count in broker.hgetall(TASKS_KEY).items():
                    task, _, outcome = key.decode().rpartition(":")
                    done.add_metric([task, outcome], float(count))
                for key, count in broker.hgetall(STEPPED_OVER_KEY).items():
                    over.add_metric([key.decode()], float(count))
            up.add_metric([], 1.0)
        except (redis.RedisError, OSError):
            up.add_metric([], 0.0)
        yield from (up, waiting, done, over)


class AuditCollector(Collector):
    """What came of the last verification of the trail, read from the trail at scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield whether it was clean and when it was; nothing while the database is away."""
        clean = GaugeMetricFamily("portal_audit_clean", "Whether the trail was as it was written")
        at = GaugeMetricFamily(
            "portal_audit_verified_timestamp_seconds", "When the trail was last verified"
        )
        try:
            last = last_verification()
        except (DatabaseError, InterfaceError):
            return
        if last.at is not None:
            clean.add_metric([], float(last.is_clean))
            at.add_metric([], last.at.timestamp())
        yield from (clean, at)


class OutboxCollector(Collector):
    """How the outbox stands, read from the database at scrape: alarm on the age and on the dead."""

    def collect(self) -> Iterator[Metric]:
        """Yield the outbox's metrics; nothing while the database is away."""
        depth = GaugeMetricFamily(
            "portal_outbox_waiting", "Deliveries that wait, by lane", labels=["lane"]
        )
        age = GaugeMetricFamily(
            "portal_outbox_oldest_seconds", "Age of the oldest that waits", labels=["lane"]
        )
        dead = GaugeMetricFamily("portal_outbox_dead", "Deliveries that nobody retries any more")
        silent = GaugeMetricFamily(
            "portal_outbox_relay_silent_seconds", "Time since the relay said that it lives"
        )
        try:
            found = standing()
        except Error:
            return
        for one in found.lanes:
            depth.add_metric([one.lane.name.lower()], float(one.depth))
            age.add_metric([one.lane.name.lower()], one.oldest_seconds)
        dead.add_metric([], float(found.dead))
        if found.relay_silent_seconds is not None:
            silent.add_metric([], found.relay_silent_seconds)
        yield from (depth, age, dead, silent)


REGISTRY.register(BrokerCollector())
REGISTRY.register(OutboxCollector())
REGISTRY.register(AuditCollector())
