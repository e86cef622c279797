"""Six refreshes of one token at the same moment give one successor (attack J9, F71)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from portal.accounts.models import RefreshToken, User
from portal.accounts.services import sessions
from portal.accounts.services.sessions import Client, TokenRevoked, Tokens
from portal.core import clock
from tests import soaks
from tests.portal.accounts.conftest import PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.req("J9", "F71")]
AT_ONCE = 6
SUITE_TRIALS = 20
SOAK_TRIALS = 500


def race(token: str, clients: list[Client]) -> list[str]:
    """Refresh at the same moment, once for each client; return successors or refusals."""
    barrier = threading.Barrier(len(clients))

    def run(client: Client) -> str:
        try:
            barrier.wait(10)
            return sessions.refresh(
                token=token, client=client, at=clock.now(), roles_of=lambda user: []
            ).refresh
        except TokenRevoked as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(run, clients))


def check_trials(trials: int, sign_in: Callable[..., Tokens]) -> None:
    for _ in range(trials):
        issued = sign_in()

        answers = race(issued.refresh, [PHONE] * AT_ONCE)

        assert len(set(answers)) == 1, answers
        assert answers[0] != issued.refresh
        assert RefreshToken.objects.filter(session=issued.session).count() == 2


def test_race_on_one_device_has_one_successor(ines: User, sign_in: Callable[..., Tokens]) -> None:
    check_trials(SUITE_TRIALS, sign_in)


@pytest.mark.soak
def test_five_hundred_races_on_one_device_have_one_successor_each(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    made = soaks.trials(SOAK_TRIALS)
    check_trials(made, sign_in)
    soaks.tell(f"0 in {made} races of {AT_ONCE} had another number of successors than one")


def test_race_between_two_devices_ends_the_session(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    issued = sign_in()

    answers = race(issued.refresh, [PHONE, Client(user_agent="curl/8")])

    assert "token_revoked" in answers
    with pytest.raises(TokenRevoked):
        sessions.authenticate(issued.access, clock.now())
