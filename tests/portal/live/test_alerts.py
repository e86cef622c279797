"""Alerts reach walls and the watchers of a trial's safety as they are raised and taken on."""

from typing import Any

import pytest

from patients.models import Alert, RiskRule, RiskRuleVersion
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.live.relay import Relay
from tests.access.world import World, make_adverse_event, make_person
from tests.portal.live.conftest import Client, Connect, in_database, publish

pytestmark = pytest.mark.django_db(transaction=True)


def raise_alert(world: World, patient: int = 0) -> Any:
    at, of = clock.now(), world.patients[patient]
    with acting(by=SYSTEM_ACCOUNT, reason="test", source="api"):  # type: ignore[arg-type]
        rule = RiskRule.objects.create(trial=of.trial, code="live", name="Live", kind="threshold")
        version = RiskRuleVersion.objects.create(trial=of.trial, rule=rule, number=1)
        return Alert.objects.create(
            patient=of, rule=rule, rule_version=version, kind=rule.kind,
            observed_at=at, raised_at=at, last_fired_at=at, due_at=at,
        )  # fmt: skip


def take_on(world: World, alert: Any) -> None:
    with acting(by=world.people["ines"].pk, reason="test", source="api"):  # type: ignore[arg-type]
        Alert.objects.filter(pk=alert.pk).update(
            state="acknowledged", acknowledged_at=clock.now(), acknowledged_by=world.people["ines"]
        )


async def watch(client: Client, topic: str) -> list[dict[str, Any]]:
    """Subscribe to alerts; return how they stand by the snapshot."""
    await client.say(type="subscribe", topic=topic)
    assert (await client.hear())["type"] == "subscribed"
    shown: list[dict[str, Any]] = (await client.hear())["data"]
    return shown


@pytest.mark.parametrize(("person", "place"), [("ines", "site"), ("mo", "trial")])
async def test_wall_hears_how_the_alerts_of_a_patient_stand(
    world: World, connect: Connect, person: str, place: str
) -> None:
    of = {"site": world.sites[0].pk, "trial": world.trials[0].pk}[place]
    client, relay = await connect(world.people[person]), Relay()
    shown = await watch(client, f"{place}.{of}.alerts")
    patient = str(world.patients[0].pk)
    before = next(one["alerts"]["open"] for one in shown if one["patient"] == patient)
    alert = await in_database(raise_alert)(world)
    await publish(relay)
    told = await client.hear()
    assert (told["type"], told["kind"]) == ("update", "alert")
    assert told["data"] | {"alerts": ""} == {
        "resource": "alert", "id": str(alert.pk), "version": 1, "patient": patient, "alerts": "",
    }  # fmt: skip
    assert told["data"]["alerts"]["open"] == before + 1
    unacknowledged = told["data"]["alerts"]["unacknowledged"]
    await in_database(take_on)(world, alert)
    await publish(relay)
    counts = (await client.hear())["data"]["alerts"]
    assert (counts["open"], counts["unacknowledged"]) == (before + 1, unacknowledged - 1)


async def test_alerts_of_another_site_are_not_heard(world: World, connect: Connect) -> None:
    mei = await connect(world.people["mei"])
    await watch(mei, f"site.{world.sites[1].pk}.alerts")
    await in_database(raise_alert)(world)
    await publish()
    assert await mei.nothing()


async def test_who_sees_no_alerts_has_no_topic_of_alerts(world: World, connect: Connect) -> None:
    client = await connect(world.people["ana"])
    for topic in (f"site.{world.sites[0].pk}.alerts", f"trial.{world.trials[0].pk}.alerts"):
        await client.say(type="subscribe", topic=topic)
        assert await client.hear() == {"type": "error", "code": "forbidden", "topic": topic}


async def watch_safety(world: World, connect: Connect) -> Client:
    """Let a safety officer of the first trial watch its safety."""

    def appoint() -> Any:
        return make_person(world, "sofia", "safety_officer", world.trials[0])

    officer = await connect(await in_database(appoint)())
    await officer.say(type="subscribe", topic=f"trial.{world.trials[0].pk}.safety")
    assert (await officer.hear())["type"] == "subscribed"
    return officer


async def test_safety_of_a_trial_points_to_its_alerts(world: World, connect: Connect) -> None:
    officer, relay = await watch_safety(world, connect), Relay()
    alert = await in_database(raise_alert)(world)
    await publish(relay)
    told = await officer.hear()
    assert (told["topic"], told["kind"]) == (f"trial.{world.trials[0].pk}.safety", "alert")
    assert told["data"] == {"resource": "alert", "id": str(alert.pk), "version": 1}
    await in_database(take_on)(world, alert)
    await publish(relay)
    assert (await officer.hear())["data"]["version"] == 2


async def test_safety_of_a_trial_points_to_its_events_and_to_no_other_trials(
    world: World, connect: Connect
) -> None:
    officer, relay = await watch_safety(world, connect), Relay()

    def report(patient: int) -> Any:
        with acting(by=SYSTEM_ACCOUNT, reason="test", source="api"):  # type: ignore[arg-type]
            return make_adverse_event(world.patients[patient], number=2)

    await in_database(report)(-1)
    event = await in_database(report)(0)
    await publish(relay)
    told = await officer.hear()
    assert told["data"] == {"resource": "adverse_event", "id": str(event.pk), "version": 1}
    assert await officer.nothing()


async def test_safety_of_a_trial_is_refused_to_who_has_one_of_its_sites(
    world: World, connect: Connect
) -> None:
    client, topic = await connect(world.people["ana"]), f"trial.{world.trials[0].pk}.safety"
    await client.say(type="subscribe", topic=topic)
    assert await client.hear() == {"type": "error", "code": "forbidden", "topic": topic}
