"""What a subscriber gets, and when it ends (W3, W5, W9, F55, F99, F100)."""

from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import RedisError

from patients.models import ObservationSet, VitalSample
from portal.accounts.models import Session
from portal.accounts.services import sessions
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from portal.live.models import LiveConnection, PendingUpdate
from portal.live.relay import Relay
from portal.live.services import connections
from portal.live.sources import PACED
from tests.access.world import World
from tests.portal.live.conftest import Connect, in_database, publish, store
from trials.models import Assignment, SiteUserPermission
from trials.services.assignments import end_assignment

pytestmark = pytest.mark.django_db(transaction=True)


def site_topic(world: World, index: int = 0) -> str:
    return f"site.{world.sites[index].pk}.vitals"


async def test_subscriber_gets_a_snapshot_then_every_reading_of_its_site(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    shown = await client.subscribe(site_topic(world))
    assert {one["patient"] for one in shown} == {str(p.pk) for p in world.patients[:2]}
    reading = await store(world, value="38.25", measured=PartialDateTime("2026-02-04T08:00:00Z"))
    assert await publish() == 3
    update = await client.hear()
    assert (update["type"], update["kind"], update["topic"]) == (
        "update", "vital_sign", site_topic(world),
    )  # fmt: skip
    assert update["data"] == {
        "reading": str(reading.pk), "version": 1, "status": "final",
        "patient": str(world.patients[0].pk), "subject_number": "T00-0-0",
        "code": "temperature", "value": 38.25, "unit": "Cel",
        "measured_at": "2026-02-04T08:00:00Z", "received_at": "2026-01-05T08:00:00Z",
        "late": False, "min": 38.25, "max": 38.25, "n": 1, "fresh_for_seconds": 14400, "flags": [],
    }  # fmt: skip


async def test_each_topic_gets_its_patients_and_no_other(world: World, connect: Connect) -> None:
    monitor = await connect(world.people["mo"])
    ines = await connect(world.people["ines"])
    mei = await connect(world.people["mei"])
    await monitor.subscribe(f"trial.{world.trials[0].pk}.vitals")
    await ines.subscribe(f"patient.{world.patients[0].pk}.vitals")
    await mei.subscribe(site_topic(world, 1))
    relay = Relay()
    for patient in (0, 1, 2):
        await store(world, patient)
        await publish(relay)
    told = [(await monitor.hear())["data"]["patient"] for _ in range(3)]
    assert told == [str(p.pk) for p in world.patients[:3]]
    assert (await ines.hear())["data"]["patient"] == str(world.patients[0].pk)
    assert (await mei.hear())["data"]["patient"] == str(world.patients[2].pk)
    for client in (monitor, ines, mei):
        assert await client.nothing()


async def test_sequence_of_a_topic_grows(world: World, connect: Connect) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    for _ in range(3):
        await store(world)
        await publish()
    numbers = [(await client.hear())["sequence"] for _ in range(3)]
    assert numbers == sorted(set(numbers))


async def test_correction_and_withdrawal_are_told_as_such(world: World, connect: Connect) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))

    def change(**values: Any) -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="typed wrongly", source="api"):  # type: ignore[arg-type]
            type(world.vitals[0]).objects.filter(pk=world.vitals[0].pk).update(**values)

    await in_database(change)(value="36.6")
    await in_database(change)(status="entered_in_error")
    await publish()
    told = [(await client.hear())["data"] for _ in range(1)]
    # Both changes were stored before the relay looked: it tells what stands now, once or twice.
    assert told[-1]["status"] == "entered_in_error"
    assert told[-1]["version"] == 3


async def test_samples_of_a_monitor_are_joined_and_told_no_more_often_than_stated(
    world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    monkeypatch.setitem(PACED, "vital_sample", 3600.0)
    relay = Relay()

    def sample(second: int, value: int, **more: Any) -> None:
        at = clock.now() + timedelta(seconds=second)
        patient = world.patients[0]
        VitalSample.objects.create(
            patient=patient, trial_id=patient.trial_id, site_id=patient.site_id,
            code="heart_rate", value=value, measured_at=at, received_at=at, **more,
        )  # fmt: skip

    def store_some() -> None:
        for second, value in enumerate((70, 66, 75, 71)):
            sample(second, value)
        sample(5, 12, is_artifact=True)
        sample(6, 80, position="standing")

    await in_database(store_some)()
    await publish(relay)
    told = [(await client.hear())["data"] for _ in range(2)]
    shown = [(one["value"], one["min"], one["max"], one["n"], one["unit"]) for one in told]
    assert shown == [(71, 66, 75, 4, "/min"), (80, 80, 80, 1, "/min")]
    await in_database(sample)(7, 90)
    await store(world)
    await publish(relay)
    assert (await client.hear())["data"]["code"] == "temperature"
    assert await in_database(PendingUpdate.objects.count)() == 1
    await publish(Relay())
    assert (await client.hear())["data"]["value"] == 90


async def test_imported_reading_is_not_live_unless_asked(world: World) -> None:
    await in_database(PendingUpdate.objects.all().delete)()

    def write(live: str) -> int:
        from django.db import connection

        from tests.access.world import make_vital

        with acting(by=SYSTEM_ACCOUNT, reason="import", source="import"):  # type: ignore[arg-type]
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('portal.live', %s, true)", [live])
            make_vital(world.patients[0])
        return PendingUpdate.objects.count()

    assert await in_database(write)("") == 0
    assert await in_database(write)("on") == 1


@pytest.mark.req("W3")
async def test_W03_topic_out_of_scope_is_refused_like_one_that_never_was(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    never = "01890000-0000-7000-8000-00000000dead"
    await in_database(AuditEntry.objects.count)()
    for topic in (
        site_topic(world, 1),
        f"patient.{world.patients[2].pk}.vitals",
        f"trial.{world.trials[0].pk}.vitals",
        f"site.{never}.vitals",
        f"trial.{never}.vitals",
        f"patient.{never}.vitals",
    ):
        await client.say(type="subscribe", topic=topic)
        assert await client.hear() == {"type": "error", "code": "forbidden", "topic": topic}
    refused = await in_database(
        lambda: AuditEntry.objects.filter(action="refused", resource="live_topic").count()
    )()
    assert refused == 6


NO_TOPICS = (
    "", "site.*.vitals", "site.../../x.vitals", "*", "a" * 101, "site.7.vitals", "notifications.x",
    "sité.vitals", "site.01890000-0000-7000-8000-00000000DEAD.vitals", "live.updates", "\u202e",
)  # fmt: skip


@pytest.mark.req("W3")
async def test_W03_name_that_is_no_topic_is_unknown(world: World, connect: Connect) -> None:
    client = await connect(world.people["ines"])
    for topic in NO_TOPICS:
        await client.say(type="subscribe", topic=topic)
        answer = await client.hear()
        assert (answer["type"], answer["code"]) == ("error", "unknown_topic"), topic


@pytest.mark.req("ISO-03")
async def test_cra_sees_no_live_value(world: World, connect: Connect) -> None:
    client = await connect(world.people["ana"])
    await client.say(type="subscribe", topic=site_topic(world))
    assert (await client.hear())["code"] == "forbidden"


async def test_after_unsubscribing_nothing_comes(world: World, connect: Connect) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    await client.say(type="unsubscribe", topic=site_topic(world))
    assert (await client.hear())["type"] == "unsubscribed"
    await store(world)
    await publish()
    assert await client.nothing()


@pytest.mark.req("F99", "W5")
async def test_F099_W05_nothing_stored_after_a_revocation_reaches_the_socket(
    world: World, connect: Connect
) -> None:
    ines = world.people["ines"]
    revoked, kept = await connect(ines), await connect(world.people["mo"])
    await revoked.subscribe(site_topic(world))
    await kept.subscribe(site_topic(world))

    def revoke() -> None:
        session = Session.objects.get(user=ines)
        sessions.revoke_session(session=session, by=ines, at=clock.now(), reason="lost phone")

    await in_database(revoke)()
    await store(world, value="39.9")
    await publish()
    assert (await kept.hear())["data"]["value"] == 39.9
    # The next thing it hears is the close: no update in between.
    output = await revoked.communicator.receive_output(timeout=30)
    assert (output["type"], output["code"]) == ("websocket.close", 4401)


@pytest.mark.req("F100", "W5")
async def test_F100_W05_topic_ends_when_its_right_does_and_the_socket_stays(
    world: World, connect: Connect
) -> None:
    ines = world.people["ines"]
    client = await connect(ines)
    await client.subscribe(site_topic(world))

    def end() -> None:
        SiteUserPermission.objects.filter(
            user=ines, permission__codename="vital_sign:monitor"
        ).delete()

    await in_database(end)()
    await store(world)
    await publish()
    assert await client.hear() == {"type": "error", "code": "forbidden", "topic": site_topic(world)}
    await client.say(type="ping")
    assert (await client.hear())["type"] == "pong"


@pytest.mark.req("F103")
async def test_socket_of_somebody_whose_roles_changed_closes_before_the_next_update(
    world: World, connect: Connect
) -> None:
    ines = world.people["ines"]
    client = await connect(ines)
    await client.subscribe(site_topic(world))

    def end() -> None:
        assignment = Assignment.objects.get(person=ines)
        end_assignment(assignment=assignment, by=ines, at=clock.now(), reason="moved")

    await in_database(end)()
    await store(world)
    await publish()
    output = await client.communicator.receive_output(timeout=30)
    assert (output["type"], output["code"]) == ("websocket.close", 4401)


async def test_administrator_sees_a_connection_and_closes_it(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))

    def seen() -> list[LiveConnection]:
        return list(LiveConnection.objects.filter(topics__len=1))

    rows: list[LiveConnection] = []
    while not rows:
        rows = await in_database(seen)()
    assert rows[0].user_id == world.people["ines"].pk
    assert rows[0].messages_in == 2
    assert rows[0].messages_out >= 3
    await in_database(connections.close_connection)(
        row=rows[0], by=world.people["mo"], at=clock.now(), reason="unknown device"
    )
    assert await client.closed() == 4401
    entry = await in_database(
        lambda: AuditEntry.objects.get(resource="live_connection", record_id=rows[0].pk)
    )()
    assert entry.acted_by == world.people["mo"].pk


async def test_update_that_the_layer_lost_makes_the_subscriber_fetch_anew(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    relay = Relay()
    await store(world)
    await publish(relay)
    assert (await client.hear())["type"] == "update"
    # What a broker that restarts does: one update goes nowhere.
    relay._last = {group: number + 1 for group, number in relay._last.items()}
    await store(world)
    await publish(relay)
    assert await client.hear() == {"type": "resync", "topic": site_topic(world)}
    assert (await client.hear())["type"] == "update"


async def test_pending_update_stays_until_it_was_published(world: World, settings: Any) -> None:
    await store(world)
    before = await in_database(PendingUpdate.objects.count)()
    assert before >= 1
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": "unix:///nonexistent/valkey.sock"}]},
        }
    }
    from channels.layers import channel_layers

    kept, channel_layers.backends = channel_layers.backends, {}
    try:
        with pytest.raises(RedisError):
            await publish()
    finally:
        channel_layers.backends = kept
    assert await in_database(PendingUpdate.objects.count)() == before


async def test_round_that_is_closed_tells_its_score_with_the_last_reading(
    world: World, connect: Connect
) -> None:
    ines = world.people["ines"]
    client = await connect(ines)
    await client.subscribe(site_topic(world))

    def close() -> ObservationSet:
        at = clock.now()
        with acting(by=ines, reason="round", source="api"):  # type: ignore[arg-type]
            return ObservationSet.objects.create(
                patient=world.patients[0], closed_at=at, closed_by=ines, taken_from=at,
                taken_until=at, eligibility="eligible", aggregate=7, band="high",
                algorithm="news2", algorithm_version="1.0", expires_at=at + timedelta(hours=1),
            )  # fmt: skip

    made = await in_database(close)()
    await publish()
    data = (await client.hear())["data"]
    assert (data["code"], data["value"], data["patient"]) == (
        "temperature", 37.5, str(world.patients[0].pk),
    )  # fmt: skip
    assert data["news2"] == {
        "score": 7, "band": "high", "complete": True, "missing": [], "set": str(made.pk),
        "expires_at": made.expires_at.isoformat().replace("+00:00", "Z"), "algorithm": "news2 1.0",
    }  # fmt: skip
