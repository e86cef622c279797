"""The live topic of a report: where it stands, to those who see it (contract.md 2.5)."""

from typing import Any

import pytest

from portal.accounts.models import User
from portal.core import clock
from portal.documents.services.reports import cancel_report
from portal.live.relay import Relay
from tests.access.world import World
from tests.portal.documents.conftest import asked, run_all
from tests.portal.live.conftest import Client, Connect, connect, in_database, publish

__all__ = ["connect"]
pytestmark = pytest.mark.django_db(transaction=True)


async def watch(client: Client, report: Any) -> dict[str, Any]:
    """Subscribe to a report; return the first answer."""
    await client.say(type="subscribe", topic=f"report.{report.pk}")
    return await client.hear()


async def test_who_asked_hears_how_far_it_is_and_that_it_is_finished(
    ana: User, connect: Connect
) -> None:
    report, relay = await in_database(asked)(ana), Relay()
    client = await connect(ana)
    assert (await watch(client, report))["type"] == "subscribed"
    await in_database(run_all)()
    await publish(relay)
    told = await client.hear()
    assert (told["type"], told["kind"], told["topic"]) == (
        "update",
        "report",
        f"report.{report.pk}",
    )
    await in_database(report.refresh_from_db)()
    assert told["data"] == {
        "resource": "report", "id": str(report.pk), "version": report.version,
        "state": "finished", "percent": 100, "step": told["data"]["step"],
    }  # fmt: skip


async def test_a_cancel_is_heard(ana: User, connect: Connect) -> None:
    report, relay = await in_database(asked)(ana), Relay()
    client = await connect(ana)
    await watch(client, report)
    await in_database(cancel_report)(report=report, by=ana, at=clock.now(), reason="")
    await publish(relay)
    assert (await client.hear())["data"]["state"] == "canceled"


async def test_somebody_elses_report_is_refused_like_one_that_never_was(
    world: World, ana: User, connect: Connect
) -> None:
    report = await in_database(asked)(ana)
    client = await connect(world.people["mo"])
    assert await watch(client, report) == {
        "type": "error", "code": "forbidden", "topic": f"report.{report.pk}",
    }  # fmt: skip
