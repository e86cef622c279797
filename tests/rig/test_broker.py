"""Valkey is a hint: without it uploads are taken and work is late, never lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import redis
from celery import Celery

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Reply
from portal.ops.broker import TASKS_KEY
from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import EVERYTHING, Campaign, Phones, accepted, campaign, say
from tests.rig.checker import Verdict
from tests.rig.fleet import Fleet, report_body
from tests.rig.proxy import Weather, proxied
from tests.rig.test_database import ME, ask
from tests.rig.test_kills import send


def broker(bed: Bed) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(bed.valkey.socket))


async def _run(
    bed: Bed, phones: Phones, tmp_path: Path, trouble: Callable[[Fleet], Awaitable[None]]
) -> Campaign:
    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    done = await campaign(bed, phones, tmp_path, trouble, seed=40, pause=0.1)
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()
    return done


@pytest.mark.req("F40")
async def test_hundred_uploads_are_taken_and_processed_while_the_broker_is_away(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        await asyncio.to_thread(bed.valkey.stop)
        await accepted(fleet, 100)
        await processed(bed)
        await asyncio.to_thread(bed.start_servers)

    await _run(bed, phones, tmp_path, trouble)


async def processed(bed: Bed) -> None:
    """Wait until everything that is there now has been processed: by whom does not matter."""
    last = bed.number("SELECT coalesce(max(id), 0) FROM outbox_outboxdelivery")
    waits = f"SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'pending' AND id <= {last}"
    async with asyncio.timeout(90):
        while await asyncio.to_thread(bed.number, waits):
            await asyncio.sleep(0.1)


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


@pytest.mark.req("F42")
async def test_flushed_broker_loses_no_work_and_lets_nobody_in(
    bed: Bed, phones: Phones, staff: str, tmp_path: Path
) -> None:
    refused = "/api/v1/access-reviews/", "/api/v1/sessions/", "/api/v1/patients/" + str(uuid7())

    async def statuses() -> list[int]:
        asked = [await ask(bed, staff, path) for path in (ME, *refused)]
        asked += [await ask(bed, token, ME) for token in ("", staff[:-3])]
        return [reply.status for reply in asked]

    async def trouble(fleet: Fleet) -> None:
        before = await statuses()
        for _ in range(5):
            await accepted(fleet, 5)
            with broker(bed) as valkey:
                valkey.flushall()
            assert await statuses() == before
        assert before[0] == 200
        assert not {200, 503} & set(before[1:])

    await _run(bed, phones, tmp_path, trouble)


@pytest.mark.req("F43")
async def test_full_broker_refuses_and_the_work_is_done_all_the_same(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        with broker(bed) as valkey:
            assert valkey.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            valkey.config_set("maxmemory", "1")
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                valkey.set("anything", "x")
            await accepted(fleet, 40)
            await processed(bed)
            valkey.config_set("maxmemory", "256mb")

    await _run(bed, phones, tmp_path, trouble)


async def half_open(
    bed: Bed,
    phones: Phones,
    staff: str,
    tmp_path: Path,
    count: int,
    programs: Sequence[str] = EVERYTHING,
) -> float:
    """Let a broker take everything and say nothing; return the slowest request's seconds."""
    hidden = bed.valkey.socket.with_name("hole.sock")
    seconds = []

    async def time(request: Awaitable[Reply]) -> None:
        began = asyncio.get_running_loop().time()
        assert (await request).status in (200, 202)
        seconds.append(asyncio.get_running_loop().time() - began)

    with proxied(bed.valkey.socket, hidden) as proxy:
        bed.ensure(*(name for name in EVERYTHING if name not in programs))
        for name in programs:
            bed.start(name, REDIS_URL=f"unix://{hidden}?db=0")
        await asyncio.to_thread(wait_for, bed.answers, "the web process answers")

        async def trouble(fleet: Fleet) -> None:
            patient, token = phones[-1]
            await accepted(fleet, 5)
            proxy.weather = Weather(blackhole=True)
            for _ in range(count):
                await time(send(bed, token, report_body(patient, uuid7(), clock.now())))
                await time(ask(bed, staff, ME))
                await time(ask(bed, staff, "/api/v1/patients/"))
            await processed(bed)

        done = await campaign(bed, phones[:-1], tmp_path, trouble, seed=44, pause=0.2)
    lost = {key: value for key, value in done.judgment.found.items() if value}
    assert not lost.keys() - {Verdict.UNEXPECTED, Verdict.RECOVERED}, done.judgment.text()
    # The uploads above are nobody's of the fleet; all the others are accounted for.
    assert len(lost.get(Verdict.UNEXPECTED, ())) == count
    return max(seconds)


@pytest.mark.req("F44")
async def test_broker_that_takes_and_says_nothing_holds_up_no_request(
    bed: Bed, phones: Phones, staff: str, tmp_path: Path
) -> None:
    await half_open(bed, phones, staff, tmp_path, 10, ("web", "relay"))


@pytest.mark.soak
@pytest.mark.req("F44")
async def test_no_request_takes_two_seconds_while_the_broker_says_nothing(
    bed: Bed, phones: Phones, staff: str, tmp_path: Path
) -> None:
    slowest = await half_open(bed, phones, staff, tmp_path, 100)
    say(f"half-open broker: the slowest of 300 requests took {slowest:.2f} s")
    assert slowest < 2


async def restarts(bed: Bed, phones: Phones, tmp_path: Path, times: int, within: float) -> None:
    """Restart the broker, and see each time that a worker, and no relay, takes a task."""
    slowest = 0.0

    async def trouble(fleet: Fleet) -> None:
        nonlocal slowest
        for _ in range(times):
            await accepted(fleet, 1)
            await asyncio.to_thread(bed.kill_valkey)
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(canary, bed, within)
            slowest = max(slowest, asyncio.get_running_loop().time() - began)

    done = await _run(bed, phones, tmp_path, trouble)
    told = f"{times} restarts of the broker, each canary within {slowest:.1f} s"
    say(f"{told}: {done.judgment.text()}")


def canary(bed: Bed, within: float) -> None:
    """Send a task that only a worker runs, and wait until it says that it did."""
    sent = Celery(broker=f"redis+socket://{bed.valkey.socket}?virtual_host=0")
    with sent.connection_for_write() as connection:
        sent.send_task(
            "portal.live.tasks.tidy_live", kwargs={}, queue="safety", connection=connection
        )
    sent.close()
    with broker(bed) as valkey:

        def has_run() -> bool:
            # Celery sometimes ends itself when it loses its broker; ./run starts it again.
            if bed.died("worker"):
                bed.start("worker")
            return bool(valkey.hget(TASKS_KEY, "portal.live.tasks.tidy_live:succeeded"))

        wait_for(has_run, "a worker has run the canary", within)


@pytest.mark.req("F45")
async def test_workers_go_on_after_restarts_of_the_broker(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    await restarts(bed, phones, tmp_path, 2, within=60)


@pytest.mark.soak
@pytest.mark.req("F45")
async def test_workers_go_on_within_ten_seconds_of_each_of_twenty_restarts_of_the_broker(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    await restarts(bed, phones, tmp_path, 20, within=10)
