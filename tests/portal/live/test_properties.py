"""Whatever happens to sockets, rights, broker and relay: a client has what GET says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal.accounts.models import Session, User
from portal.accounts.services import sessions
from portal.core import clock
from portal.live.models import PendingUpdate
from portal.notices import topics
from portal.notices.models import Notice
from portal.notices.services.acknowledging import acknowledge
from tests import soaks
from tests.access.world import World, access_token, make_person
from tests.portal.live.conftest import Client, Connect, in_database, publish
from tests.portal.live.test_losses import break_every_subscription
from tests.portal.notices.kit import tell_plainly

pytestmark = pytest.mark.django_db(transaction=True)

# What can happen, with a small number where something is done several times.
STEP = st.tuples(
    st.sampled_from(
        ("tell", "tell", "publish", "publish", "read", "read", "cut", "connect", "connect",
         "acknowledge", "lose_pending", "lose_broker", "revoke")
    ),
    st.integers(1, 4),
)  # fmt: skip
STEPS = st.lists(STEP, min_size=4, max_size=24)
MOST_REPLAYED = 6


class Screen:
    """A client that keeps the contract: it asks for what follows the last that it has."""

    def __init__(self, person: User, connect: Connect) -> None:
        self.person, self._connect = person, connect
        self.has: dict[int, dict[str, Any]] = {}
        self.client: Client | None = None
        self._expected: int | None = None
        self._heard: dict[int, int] = {}
        self.resyncs = 0

    @property
    def last(self) -> int:
        """The last sequence that it has, everything before included."""
        return max(self.has, default=0)

    async def come(self) -> None:
        """Open a socket and subscribe after what it has."""
        if self.client is None:
            self.client = await self._connect(
                self.person, token=await in_database(access_token)(self.person)
            )
            self._expected, self._heard = None, {}
            await self.client.say(type="subscribe", topic="notifications", after=self.last)

    async def take(self, message: dict[str, Any]) -> None:
        """Take one message; nothing may be missing, twice or out of order."""
        if message["type"] == "subscribed":
            self._expected = min(self.last, message["sequence"]) + 1
        elif message["type"] == "resync":
            # The number of the subscription counts from here on; the list says the rest.
            self.resyncs += 1
            self._expected = None
            for row in await in_database(fetched)(self.person):
                self.has[row["sequence"]] = row
        elif message["type"] == "update":
            self._take_update(message["sequence"], message["data"])

    def _take_update(self, sequence: int, data: dict[str, Any]) -> None:
        known = self._heard.get(sequence)
        if known is not None:
            assert data["version"] > known, f"{sequence} came twice"
        elif self._expected is None or sequence == self._expected:
            self._expected = sequence + 1
        else:
            # A change of what the screen had before this socket comes under its old number.
            assert sequence < self._expected, f"{sequence} came instead of {self._expected}"
            assert data["version"] > 1, f"{sequence} came again, and nothing had changed"
        self._heard[sequence] = data["version"]
        if data["version"] >= self.has.get(sequence, data)["version"]:
            self.has[sequence] = data

    async def read(self, count: int) -> None:
        """Read so many messages of what there is, at most to the answer of a ping."""
        if self.client is None:
            return
        await self.client.say(type="ping")
        for _ in range(count):
            message = await self.client.hear()
            if message["type"] == "pong":
                return
            await self.take(message)

    async def leave(self) -> None:
        """Go away without a word, whatever is on its way."""
        if self.client is not None:
            communicator = self.client.communicator
            await communicator.send_input({"type": "websocket.disconnect", "code": 1006})
            await communicator.wait(timeout=30)
            self.client = None

    async def catch_up(self, newest: int) -> None:
        """Read until it has the newest of all."""
        await self.come()
        assert self.client is not None
        while self.last < newest:
            await self.take(await self.client.hear())


def fetched(person: User) -> list[dict[str, Any]]:
    """Return everything that GET says, in the order of sequences."""
    headers = {"Authorization": f"Bearer {access_token(person)}"}
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["sequence"] if found else 0
        answer = Browser().get(f"/api/v1/notifications/?after={after}&limit=100", headers=headers)
        rows: list[dict[str, Any]] = answer.json()["results"]
        if not rows:
            return found
        found += rows


def revoke(person: User) -> None:
    """End all sessions of somebody."""
    at = clock.now()
    for session in Session.objects.filter(user=person, revoked_at=None):
        sessions.revoke_session(session=session, by=person, at=at, reason="lost phone")


def take_on(person: User) -> None:
    """Acknowledge the oldest notice that nobody has."""
    notice = Notice.objects.filter(person=person, acknowledged_at=None).order_by("sequence").first()
    if notice is not None:
        acknowledge(notice=notice, by=person, at=clock.now())


class Life:
    """What happens to a person's screen, step by step."""

    def __init__(self, person: User, connect: Connect) -> None:
        self.person, self.screen = person, Screen(person, connect)
        self.told = 0

    async def live_through(self, steps: list[tuple[str, int]]) -> None:
        """Do what the steps say, then let the screen come to rest."""
        for step, count in steps:
            await getattr(self, step)(count)
        await publish()
        await self.screen.catch_up(self.told)

    async def tell(self, count: int) -> None:
        for _ in range(count):
            self.told += 1
            await in_database(tell_plainly)(self.person, self.told)

    async def publish(self, _count: int) -> None:
        await publish()

    async def read(self, count: int) -> None:
        await self.screen.read(count)

    async def cut(self, _count: int) -> None:
        await self.screen.leave()

    async def connect(self, _count: int) -> None:
        await self.screen.come()

    async def acknowledge(self, _count: int) -> None:
        await in_database(take_on)(self.person)

    async def lose_pending(self, _count: int) -> None:
        """What nothing hurries is found in the database."""
        await in_database(PendingUpdate.objects.all().delete)()

    async def lose_broker(self, _count: int) -> None:
        break_every_subscription()

    async def revoke(self, _count: int) -> None:
        """All sessions end; the person signs in again later."""
        await in_database(revoke)(self.person)
        if self.screen.client is not None:
            assert await self.screen.client.closed() == 4401
            await self.screen.leave()


async def hold(steps: list[tuple[str, int]], world: World, connect: Connect) -> None:
    """Assert the property for one life."""
    number = hold.__dict__["lives"] = hold.__dict__.get("lives", 0) + 1

    def join() -> User:
        return make_person(world, f"watcher{number}", "cra", world.sites[0])

    person = await in_database(join)()
    life = Life(person, connect)
    await life.live_through(steps)
    screen, says = life.screen, await in_database(fetched)(person)
    assert sorted(screen.has) == list(range(1, life.told + 1))
    assert [screen.has[row["sequence"]]["id"] for row in says] == [row["id"] for row in says]
    await screen.leave()


def lives(count: int) -> Callable[[Any], Any]:
    """Settings of a run over so many lives; the same ones each time."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(autouse=True)
def few_are_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a screen that was away for a little be told to fetch anew."""
    monkeypatch.setattr(topics, "MOST_REPLAYED", MOST_REPLAYED)


@pytest.mark.req("F57")
@lives(12)
@given(steps=STEPS)
async def test_F057_whatever_happens_a_screen_has_what_GET_says(
    world: World, connect: Connect, steps: list[tuple[str, int]]
) -> None:
    await hold(steps, world, connect)


@pytest.mark.soak
@pytest.mark.req("F57")
@lives(soaks.trials(400))
@given(steps=STEPS)
async def test_F057_over_many_lives_a_screen_has_what_GET_says(
    world: World, connect: Connect, steps: list[tuple[str, int]]
) -> None:
    await hold(steps, world, connect)
