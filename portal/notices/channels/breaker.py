"""A circuit breaker: a provider that fails again and again is left alone for a while.

In the process that sends. What is open is noted in the broker too, for /metrics, which another
process answers; a broker that is away notes nothing and changes nothing.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import StrEnum

import redis
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.ops.broker import client
from portal.ops.metrics import REGISTRY

FAILURES = 5
REST_SECONDS = 30.0
MOST_PROVIDERS = 500
NOTED = "portal:breakers"


class State(StrEnum):
    """Whether a provider is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """What one provider has done lately; safe in threads."""

    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name, self._monotonic = name, monotonic
        self._failures, self._opened_at = 0, 0.0
        self._lock = threading.Lock()
        self.state = State.CLOSED

    def may_ask(self) -> bool:
        """Tell whether to ask the provider now; after a rest one probe is let through."""
        with self._lock:
            if self.state is State.CLOSED:
                return True
            is_rested = self._monotonic() - self._opened_at >= REST_SECONDS
            if not is_rested:
                return False
            # The probe that never came back gives way to another after a rest.
            self._opened_at = self._monotonic()
            self._become(State.HALF_OPEN)
            return True

    def worked(self) -> None:
        """Note that the provider answered; what it answered about one letter is no matter."""
        with self._lock:
            self._failures = 0
            self._become(State.CLOSED)

    def failed(self) -> None:
        """Note that the provider did not answer as a provider does."""
        with self._lock:
            self._failures += 1
            if self.state is State.HALF_OPEN or self._failures >= FAILURES:
                self._opened_at = self._monotonic()
                self._become(State.OPEN)

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            _note(self.name, state)


_BREAKERS: OrderedDict[str, Breaker] = OrderedDict()
_GUARD = threading.Lock()


def breaker_of(channel: str, provider: str) -> Breaker:
    """Return the breaker of a provider; of very many those not asked for longest are forgotten."""
    name = f"{channel}:{provider}"
    with _GUARD:
        found = _BREAKERS.get(name)
        if found is None:
            found = _BREAKERS[name] = Breaker(name)
        _BREAKERS.move_to_end(name)
        if len(_BREAKERS) > MOST_PROVIDERS:
            _BREAKERS.popitem(last=False)
        return found


def _note(name: str, state: State) -> None:
    try:
        with client() as broker:
            if state is State.CLOSED:
                broker.hdel(NOTED, name)
            else:
                broker.hset(NOTED, name, state.value)
    except (redis.RedisError, OSError):
        return


class BreakerCollector(Collector):
    """How many providers are left alone, by channel, read from the broker at scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers; with the broker away, nothing."""
        resting = GaugeMetricFamily(
            "portal_channel_breakers_open",
            "Providers that failed again and again",
            labels=["channel", "state"],
        )
        counts = {(channel, s): 0 for channel in ("email", "push") for s in ("open", "half_open")}
        try:
            with client() as broker:
                for name, state in broker.hgetall(NOTED).items():
                    channel, known = name.decode().partition(":")[0], state.decode()
                    if (channel, known) in counts:
                        counts[channel, known] += 1
        except (redis.RedisError, OSError):
            return
        for labels, count in counts.items():
            resting.add_metric(list(labels), float(count))
        yield resting


REGISTRY.register(BreakerCollector())
