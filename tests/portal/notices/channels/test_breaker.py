"""The breaker: opens after failures, lets one probe through, recovers, and is seen in /metrics."""

import pytest
from prometheus_client import generate_latest

from portal.notices.channels.breaker import FAILURES, REST_SECONDS, Breaker, State
from portal.ops.metrics import REGISTRY


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def opened(clock: Clock) -> Breaker:
    breaker = Breaker("push:push.example", clock)
    for _ in range(FAILURES):
        assert breaker.may_ask()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker("push:push.example", Clock())
    for _ in range(FAILURES - 1):
        breaker.failed()
    breaker.worked()
    breaker.failed()

    assert breaker.state is State.CLOSED


def test_one_probe_is_let_through_after_a_rest() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.may_ask()

    clock.seconds += REST_SECONDS

    assert [breaker.may_ask(), breaker.may_ask()] == [True, False]
    breaker.worked()
    assert (breaker.may_ask(), breaker.state) == (True, State.CLOSED)


def test_a_probe_that_fails_opens_it_for_another_rest() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds += REST_SECONDS
    breaker.may_ask()

    breaker.failed()

    assert (breaker.may_ask(), breaker.state) == (False, State.OPEN)


@pytest.mark.django_db
def test_what_rests_is_told_in_the_metrics() -> None:
    breaker = opened(Clock())
    line = b'portal_channel_breakers_open{channel="push",state="open"} '

    assert line + b"1.0" in generate_latest(REGISTRY)
    breaker.worked()
    assert line + b"0.0" in generate_latest(REGISTRY)
