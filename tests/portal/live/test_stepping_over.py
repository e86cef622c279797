"""A record that cannot be told stops nobody: it is counted, and its topics are fetched anew."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from structlog.testing import capture_logs

from portal.core import clock
from portal.live.announcing import announce
from portal.live.gathering import MOST_LOOKED_FOR, gather
from portal.live.models import PendingUpdate
from portal.live.sources import _SOURCES, Telling, tells
from portal.live.topics import _REGISTRY, TopicKind, offer
from portal.ops.metrics import BrokerCollector
from tests.access.world import World
from tests.patients.spoiling import spoil
from tests.portal.live.conftest import Client, Connect, in_database, publish, store

pytestmark = pytest.mark.django_db(transaction=True)
# Flags are a list; of a number nobody can say whether it holds "late".
NO_FLAGS: Any = 5


def site_topic(world: World, site: int = 0) -> str:
    return f"site.{world.sites[site].pk}.vitals"


def stepped_over(resource: str) -> float:
    """Return how many were counted so far."""
    (counted,) = (one for one in BrokerCollector().collect() if "stepped_over" in one.name)
    return sum(s.value for s in counted.samples if s.labels["resource"] == resource)


async def snapshot(client: Client, topic: str) -> dict[str, Any]:
    """Subscribe, and return the snapshot as it is said."""
    await client.say(type="subscribe", topic=topic)
    return await client.hear_until("snapshot")


async def test_reading_that_cannot_be_told_holds_up_no_other(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    before = await in_database(stepped_over)("vital_sign")
    await store(world, value="38.1")
    poisoned = await store(world, flags=NO_FLAGS)
    await store(world, value="38.3")
    with capture_logs() as logs:
        await publish()
    assert await client.hear() == {"type": "resync", "topic": site_topic(world)}
    assert [(await client.hear())["data"]["value"] for _ in range(2)] == [38.1, 38.3]
    assert await in_database(PendingUpdate.objects.count)() == 0
    assert await in_database(stepped_over)("vital_sign") == before + 1
    (line,) = [line for line in logs if line["event"] == "live_records_stepped_over"]
    assert line["records"] == [str(poisoned.pk)]
    assert line["error"].startswith("ValidationError at readings.py:")


async def test_topic_without_the_record_is_not_fetched_anew(world: World, connect: Connect) -> None:
    client = await connect(world.people["mei"])
    await client.subscribe(site_topic(world, 1))
    await store(world, flags=NO_FLAGS)
    await store(world, 2, value="38.1")
    await publish()
    assert (await client.hear())["data"]["value"] == 38.1


async def test_snapshot_names_what_cannot_be_told_and_shows_the_rest(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await store(world, flags=NO_FLAGS, code="pulse_rate", unit="/min", value=70)
    await store(world, value="38.1")
    message = await snapshot(client, site_topic(world))
    assert 38.1 in {one["value"] for one in message["data"]}
    assert "pulse_rate" not in {one["code"] for one in message["data"]}
    assert message["untold"] == [{"patient": str(world.patients[0].pk), "code": "pulse_rate"}]


async def test_snapshot_names_a_row_that_nobody_can_read_and_shows_every_other(
    world: World, connect: Connect
) -> None:
    """The driver refuses the whole answer of the database, not a row of it."""
    client = await connect(world.people["ines"])
    before = await in_database(stepped_over)("vital_sign")
    for code, value in (("pulse_rate", 70), ("spo2", 97)):
        await store(world, code=code, unit="/min", value=value)
    for value in ("38.1", "38.4"):
        stored = await store(world, value=value)
    await in_database(spoil)("patients_vitalsign", "received_at", stored.pk)
    with capture_logs() as logs:
        message = await snapshot(client, site_topic(world))
    shown = {(one["patient"], one["code"]) for one in message["data"]}
    first, second = (str(one.pk) for one in world.patients[:2])
    # An older temperature never stands for the latest, which cannot be told.
    assert shown == {(first, "pulse_rate"), (first, "spo2"), (second, "temperature")}
    assert message["untold"] == [{"patient": first, "code": "temperature"}]
    assert await in_database(stepped_over)("vital_sign") == before + 1
    (line,) = [line for line in logs if line["event"] == "live_records_stepped_over"]
    assert line["records"] == [f"{first}/temperature"]
    assert line["error"].startswith("DataError at ")


async def test_snapshot_of_alerts_names_whose_cannot_be_told(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    topic = site_topic(world).replace("vitals", "alerts")
    whole = await snapshot(client, topic)
    assert "untold" not in whole
    await in_database(spoil)("patients_alert", "due_at", world.alerts[0].pk)
    message = await snapshot(client, topic)
    unknown = str(world.patients[0].pk)
    assert message["untold"] == [{"patient": unknown}]
    assert message["data"] == [one for one in whole["data"] if one["patient"] != unknown]


async def test_database_that_is_away_is_no_fault_of_a_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stepped over: the relay waits and finds it all again."""

    def refuse(_records: Sequence[UUID]) -> list[Telling]:
        raise OperationalError

    monkeypatch.setitem(_SOURCES, "refused", _SOURCES["report"])
    tells("refused")(refuse)
    await in_database(announce)("refused", [uuid4()])
    with pytest.raises(OperationalError):
        await publish()
    assert await in_database(PendingUpdate.objects.filter(resource="refused").exists)()


async def test_source_that_fails_for_all_is_given_up_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for each of thousands would hold up the others."""
    asked = 0

    def fail(_records: Sequence[UUID]) -> list[Telling]:
        nonlocal asked
        asked += 1
        raise KeyError

    monkeypatch.setitem(_SOURCES, "failing", _SOURCES["report"])
    tells("failing", topics=lambda records: [f"report.{record}" for record in records])(fail)
    records = [uuid4() for _ in range(5000)]
    gathered = await in_database(gather)("failing", records)
    assert gathered.told == []
    assert gathered.topics == {f"report.{record}" for record in records}
    assert asked < MOST_LOOKED_FOR * 5


async def test_order_of_the_others_is_kept(world: World) -> None:
    stored = [await store(world, value=f"38.{n}", received_at=clock.now()) for n in range(9)]
    await store(world, flags=NO_FLAGS)
    records = [one.pk for one in stored]
    poisoned = (await store(world, flags=NO_FLAGS)).pk
    gathered = await in_database(gather)("vital_sign", [*records[:4], poisoned, *records[4:]])
    assert [one.telling.data["reading"] for one in gathered.told] == records


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A topic without gaps of a person's own, and what it tells under 1, 2, 3 ..."""
    told: list[Any] = []
    monkeypatch.setitem(_REGISTRY.kinds, "numbered", _REGISTRY.kinds["notifications"])
    offer(
        TopicKind(
            "numbered",
            lambda _user, _record: True,
            replay=lambda _user, after: [
                (number, "told", data) for number, data in enumerate(told, 1) if number > after
            ],
            position=lambda _user: len(told),
            positions=lambda people: dict.fromkeys(people, len(told)),
            is_personal=True,
        )
    )
    return told


async def test_number_that_cannot_be_told_keeps_nothing_back_that_follows_it(
    world: World, connect: Connect, numbered: list[Any]
) -> None:
    client = await connect(world.people["ines"])
    await client.say(type="subscribe", topic="numbered")
    await client.hear_until("subscribed")
    numbered.append(object())
    assert await client.hear() == {"type": "resync", "topic": "numbered"}
    numbered.append("fine")
    update = await client.hear()
    assert (update["sequence"], update["data"]) == (2, "fine")


async def test_replay_of_a_number_that_cannot_be_told_is_fetched_anew(
    world: World, connect: Connect, numbered: list[Any]
) -> None:
    numbered.append(object())
    client = await connect(world.people["ines"])
    await client.say(type="subscribe", topic="numbered", after=0)
    assert (await client.hear())["sequence"] == 1
    assert await client.hear() == {"type": "resync", "topic": "numbered"}


async def test_every_resource_that_has_no_gapless_numbers_names_its_topics() -> None:
    """Otherwise a record of it that cannot be told would be missed by nobody."""
    assert {name for name, source in _SOURCES.items() if source.topics is None} == {"notice"}
