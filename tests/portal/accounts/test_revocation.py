"""After an end was committed, no token is answered any more: none at all (J7, J8)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.accounts.services import sessions, users
from portal.accounts.services.sessions import Tokens
from portal.core import clock
from portal.core.errors import NotAuthenticated
from tests import soaks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.req("J7")]
READERS = 3
SUITE_TRIALS = 30
SOAK_TRIALS = 1000


def answers_after_the_end(issued: Tokens, end: Callable[[], object]) -> int:
    """Ask without pause while the session is ended; count what was answered after the commit."""
    ended, started = threading.Event(), threading.Barrier(READERS + 1)

    def ask() -> int:
        answered = 0
        try:
            started.wait(10)
            for _ in range(10_000):
                was_over = ended.is_set()
                try:
                    sessions.authenticate(issued.access, clock.now())
                except NotAuthenticated:
                    if was_over:
                        return answered
                else:
                    answered += was_over
            return answered
        finally:
            connection.close()

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(ask) for _ in range(READERS)]
        started.wait(10)
        end()
        ended.set()
        return sum(reader.result() for reader in readers)


def check_trials(trials: int, ines: User, sign_in: Callable[..., Tokens]) -> None:
    system = User.objects.get(username="system")
    ways: list[Callable[[Tokens], object]] = [
        lambda issued: sessions.sign_out(session=issued.session, by=ines, at=clock.now()),
        lambda issued: users.record_changed_roles(
            user=ines, opens_admin=True, by=system, at=clock.now(), reason="another role"
        ),
        lambda issued: users.deactivate_user(
            user=ines, by=system, at=clock.now(), reason="has left"
        ),
    ]
    answered = 0
    for number in range(trials):
        issued, way = sign_in(), ways[number % len(ways)]
        answered += answers_after_the_end(issued, lambda issued=issued, way=way: way(issued))
        users.reactivate_user(user=ines, by=system, at=clock.now(), reason="next trial")
    assert answered == 0


def test_nothing_is_answered_after_a_session_ended(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    check_trials(SUITE_TRIALS, ines, sign_in)


@pytest.mark.soak
def test_nothing_is_answered_after_a_session_ended_in_a_thousand_trials(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    made = soaks.trials(SOAK_TRIALS)
    check_trials(made, ines, sign_in)
    soaks.tell(f"0 answers after the end in {made} revocations")
