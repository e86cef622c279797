"""One run of phones against a portal in trouble, to its end, and the judgment of it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from portal.core import clock
from portal.demo.simulation.phone import Manners
from tests.rig.bed import Bed
from tests.rig.checker import Judgment, judge, read_stored
from tests.rig.fleet import MANNERS, Fleet

Phones = list[tuple[UUID, str]]
EVERYTHING = ("web", "relay", "worker", "beat")


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a run has left."""

    fleet: Fleet
    judgment: Judgment


async def campaign(
    bed: Bed,
    phones: Phones,
    folder: Path,
    trouble: Callable[[Fleet], Awaitable[None]],
    *,
    seed: int,
    url: str = "",
    manners: Manners = MANNERS,
    pause: float = 0.02,
) -> Campaign:
    """Let phones write and send while there is trouble; then let everything come to rest.

    Nothing is judged but what was stored meanwhile.
    """
    before = read_stored(bed.database_url, with_effects=False).keys()
    fleet = Fleet(
        phones,
        url=url or bed.url,
        folder=folder,
        seed=seed,
        begins=clock.now(),
        manners=manners,
    )
    until = asyncio.Event()
    running = asyncio.create_task(fleet.run(until=until, pause=pause))
    try:
        await trouble(fleet)
        await asyncio.to_thread(bed.ensure, *EVERYTHING)
        until.set()
        async with asyncio.timeout(300):
            await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        fleet.close()
    bed.end_leases()
    await asyncio.to_thread(bed.wait_until_quiet)
    stored = read_stored(bed.database_url)
    mine = {key: one for key, one in stored.items() if key not in before}
    return Campaign(fleet, judge(fleet.history, mine))


async def accepted(fleet: Fleet, count: int) -> None:
    """Wait until so many more uploads were accepted: trouble is to meet work under way."""
    wanted = fleet.accepted + count
    async with asyncio.timeout(60):
        while fleet.accepted < wanted:
            await asyncio.sleep(0.01)


def say(text: str) -> None:
    """Tell whoever runs the tests with -s, or reads why one failed."""
    sys.stdout.write(f"{text}\n")
