"""The web process is replaced under load, as a rolling restart does: nobody tries twice in vain."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from portal.demo.simulation.phone import Step
from tests.rig.bed import Bed, free_port, wait_for
from tests.rig.campaign import EVERYTHING, Campaign, Phones, accepted, campaign, say
from tests.rig.fleet import Fleet
from tests.rig.proxy import proxied
from tests.rig.test_kills import QUIET


async def rolling_restarts(bed: Bed, phones: Phones, tmp_path: Path, times: int) -> Campaign:
    """Start a second web process, send new connections to it, and end the first, so many times."""
    bed.ensure(*EVERYTHING)
    codes = []
    with proxied(("127.0.0.1", bed.port)) as proxy:

        async def trouble(fleet: Fleet) -> None:
            current = "web"
            for number in range(times):
                await accepted(fleet, 10)
                name, port = f"web-{number}", free_port()
                bed.start_another(name, "web", port=port)
                await asyncio.to_thread(wait_for, lambda p=port: bed.answers(p), "it answers")
                proxy.target = ("127.0.0.1", port)
                codes.append(await asyncio.to_thread(bed.kill, current, signal.SIGTERM))
                current = name
            await accepted(fleet, 10)

        url = f"http://127.0.0.1:{proxy.port}"
        done = await campaign(
            bed, phones, tmp_path, trouble, seed=16, url=url, manners=QUIET, pause=0.1
        )
    tried = Counter(line.key for line in done.fleet.history if line.step in (Step.INFO, Step.FAIL))
    most = max(tried.values(), default=0)
    say(f"{times} restarts: {len(tried)} sent again, at most {most} times; {done.judgment.text()}")
    assert set(codes) == {-signal.SIGTERM}  # drained, and then ended by the signal it was sent
    assert most <= 1
    return done


@pytest.mark.req("F16")
async def test_two_rolling_restarts_cost_each_upload_one_resend_at_most(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    done = await rolling_restarts(bed, phones, tmp_path, 2)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F16")
async def test_twenty_rolling_restarts_cost_each_upload_one_resend_at_most(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    done = await rolling_restarts(bed, phones, tmp_path, 20)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F16")
async def test_twenty_restarts_of_the_only_web_process_lose_no_upload(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        for _ in range(20):
            await accepted(fleet, 10)
            await asyncio.to_thread(bed.kill, "web", signal.SIGTERM)
            await asyncio.to_thread(bed.ensure, "web")

    bed.ensure(*EVERYTHING)
    done = await campaign(bed, phones, tmp_path, trouble, seed=17)
    say(f"20 restarts: {done.judgment.text()}")
    assert done.judgment.is_clean, done.judgment.text()


BEATS = ("beat", "beat-2")


@pytest.mark.req("F12")
async def test_two_beats_do_everything_once_and_what_none_has_done_is_caught_up(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    await two_beats(bed, phones, tmp_path, seconds=1)


@pytest.mark.soak
@pytest.mark.req("F12")
async def test_a_minute_of_two_beats_and_a_minute_of_none(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    await two_beats(bed, phones, tmp_path, seconds=60)


async def two_beats(bed: Bed, phones: Phones, tmp_path: Path, seconds: float) -> None:
    """With no relay, all that is done is done by what the beats start."""
    schedule = ("--schedule", str(tmp_path / "schedule"))

    def start_beats() -> None:
        bed.ensure("beat")
        bed.start_another("beat-2", "beat", *schedule)

    async def swept() -> None:
        """Wait until everything that waits now is done."""
        last = bed.number("SELECT coalesce(max(id), 0) FROM outbox_outboxdelivery")
        waits = (
            f"SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'pending' AND id <= {last}"
        )
        async with asyncio.timeout(90):
            while await asyncio.to_thread(bed.number, waits):
                bed.age()
                await asyncio.sleep(0.5)

    async def trouble(fleet: Fleet) -> None:
        await asyncio.sleep(seconds)
        await accepted(fleet, 10)
        await swept()
        for name in BEATS:
            bed.kill(name)
        await asyncio.sleep(seconds)
        await accepted(fleet, 10)
        await asyncio.to_thread(start_beats)
        await swept()

    bed.ensure("web", "worker")
    if "relay" in bed.programs:
        bed.kill("relay")
    await asyncio.to_thread(start_beats)
    done = await campaign(bed, phones, tmp_path, trouble, seed=12, manners=QUIET, pause=0.5)
    say(f"two beats, then none: {done.judgment.text()}")
    assert done.judgment.is_clean, done.judgment.text()
    assert bed.number(DOUBLY_SEALED) == 0


# Seals that overlap: two sealers at once have taken the same rows.
DOUBLY_SEALED = """
SELECT count(*) FROM audit.audit_seal a JOIN audit.audit_seal b
ON a.number < b.number AND a.upto_id > b.after_id
"""
