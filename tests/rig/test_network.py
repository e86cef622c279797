"""Many phones at once, and slow ones: everybody is served or told to come again."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from portal.core import clock
from portal.core.ids import uuid7
from tests.rig.bed import Bed
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign
from tests.rig.conftest import enroll
from tests.rig.fleet import MANNERS, Fleet, report_body
from tests.rig.proxy import Weather, proxied
from tests.rig.test_kills import send


@pytest.mark.soak
@pytest.mark.req("F62")
async def test_eight_in_the_morning_nobody_is_forgotten(bed: Bed, tmp_path: Path) -> None:
    crowd = await asyncio.to_thread(enroll, bed, 300, "RIG-2")

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 3000)

    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    manners = replace(MANNERS, hang_ups=0.02)
    done = await campaign(bed, crowd, tmp_path, trouble, seed=62, manners=manners, pause=0.5)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F67")
async def test_slow_phones_hold_up_nobody_else(bed: Bed, phones: Phones) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    patient, token = phones[6]
    with proxied(("127.0.0.1", bed.port)) as proxy:
        proxy.weather = Weather(piece=1, pause=0.01)
        slow_url = f"http://127.0.0.1:{proxy.port}"
        slow = [
            asyncio.create_task(
                send(bed, token, report_body(patient, uuid7(), clock.now()), slow_url)
            )
            for _ in range(50)
        ]
        await asyncio.sleep(0.2)
        for _ in range(20):
            reply = await send(bed, token, report_body(patient, uuid7(), clock.now()))
            assert reply.status == 202
        assert not any(task.done() for task in slow)
        ended = await asyncio.gather(*slow, return_exceptions=True)
    assert all(isinstance(one, Exception) or one.status in (202, 408, 503) for one in ended)
