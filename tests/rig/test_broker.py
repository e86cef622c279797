"""Valkey is a hint: without it uploads are taken and work is late, never lost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis

from tests.rig.bed import Bed
from tests.rig.campaign import EVERYTHING, Campaign, Phones, accepted, campaign
from tests.rig.fleet import Fleet
from tests.rig.proxy import Weather, proxied


def broker(bed: Bed) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(bed.valkey.socket))


async def _run(
    bed: Bed, phones: Phones, tmp_path: Path, trouble: Callable[[Fleet], Awaitable[None]]
) -> Campaign:
    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    done = await campaign(bed, phones, tmp_path, trouble, seed=40)
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()
    return done


@pytest.mark.soak
@pytest.mark.req("F40")
async def test_uploads_are_taken_while_the_broker_is_away(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        bed.valkey.stop()
        await accepted(fleet, 40)
        bed.valkey.start()

    await _run(bed, phones, tmp_path, trouble)


@pytest.mark.soak
@pytest.mark.req("F41")
async def test_a_broker_that_forgets_everything_loses_no_work(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        for _ in range(5):
            await accepted(fleet, 10)
            await asyncio.to_thread(bed.kill_valkey)

    await _run(bed, phones, tmp_path, trouble)


@pytest.mark.soak
@pytest.mark.req("F42")
async def test_a_flushed_broker_loses_no_work(bed: Bed, phones: Phones, tmp_path: Path) -> None:
    async def trouble(fleet: Fleet) -> None:
        for _ in range(10):
            await accepted(fleet, 5)
            with broker(bed) as valkey:
                valkey.flushall()

    await _run(bed, phones, tmp_path, trouble)


@pytest.mark.soak
@pytest.mark.req("F43")
async def test_a_full_broker_refuses_and_the_work_is_done_all_the_same(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        with broker(bed) as valkey:
            assert valkey.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            valkey.config_set("maxmemory", "1")
            with pytest.raises(redis.ResponseError, match="OOM"):
                valkey.set("anything", "x")
            await accepted(fleet, 40)
            valkey.config_set("maxmemory", "256mb")

    await _run(bed, phones, tmp_path, trouble)


@pytest.mark.soak
@pytest.mark.req("F44")
async def test_a_broker_that_takes_and_says_nothing_holds_up_no_upload(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    hidden = bed.valkey.socket.with_name("hole.sock")
    with proxied(bed.valkey.socket, hidden) as proxy:
        for name in EVERYTHING:
            bed.start(name, REDIS_URL=f"unix://{hidden}?db=0")

        async def trouble(fleet: Fleet) -> None:
            await accepted(fleet, 5)
            proxy.weather = Weather(blackhole=True)
            await accepted(fleet, 40)

        done = await campaign(bed, phones, tmp_path, trouble, seed=44)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F45")
async def test_workers_go_on_after_each_of_twenty_restarts_of_the_broker(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        for _ in range(20):
            await asyncio.to_thread(bed.kill_valkey)
            await accepted(fleet, 1)

    await _run(bed, phones, tmp_path, trouble)
