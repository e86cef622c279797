"""Every failpoint is reached, and whatever it does there, work is done once and nothing is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from portal.core import clock
from portal.core.failpoints import NAMES
from portal.core.ids import uuid7
from portal.demo.simulation.connection import ConnectionBroken
from portal.embedded.home import ROOT
from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import Campaign, Phones, accepted, campaign, say
from tests.rig.fleet import Fleet, report_body
from tests.rig.test_kills import QUIET, send

# Which process gets there on an upload's way. The relay runs chunks too, when it works alone; it is
# not armed for it.
OWNERS = {"ingest": "web", "relay": "relay", "task": "worker", "pipeline": "worker"}
ARMED = ("web", "relay", "worker")


SWEPT = {name: OWNERS[name.partition(".")[0]] for name in NAMES if name.partition(".")[0] in OWNERS}


def names_of(program: str) -> list[str]:
    return [name for name, owner in SWEPT.items() if owner == program]


def test_failpoints_off_an_uploads_way_are_armed_by_tests_of_their_own() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for name in NAMES.keys() - SWEPT.keys() if name not in tests]


def everything_armed(program: str, action: str, nth: int, reached: Path) -> dict[str, str]:
    """Return the setting that arms all failpoints of a program, each to act once."""
    parts = (f"{name}={action},nth={nth},once={reached / name}" for name in names_of(program))
    return {"FAILPOINTS": ";".join(parts)}


async def sweep(bed: Bed, phones: Phones, tmp_path: Path, action: str, nth: int) -> Campaign:
    """Let each failpoint act once under load; a process that dies is started again, still armed."""
    reached = tmp_path / f"{action.partition(':')[0]}-{nth}"
    reached.mkdir()
    patient, token = phones[-1]
    armed = {name: everything_armed(name, action, nth, reached) for name in ARMED}

    def revive() -> None:
        for name in ARMED:
            if bed.died(name):
                bed.start(name, **armed[name])

    def missing() -> set[str]:
        return SWEPT.keys() - {file.name for file in reached.iterdir()}

    async def trouble(fleet: Fleet) -> None:
        async with asyncio.timeout(300):
            while missing():
                await asyncio.to_thread(revive)
                # Only what is refused is set aside, and good phones send nothing of the kind.
                if "ingest.mid_write" in missing():
                    await _send_something_refused(bed, token, patient)
                await asyncio.sleep(0.05)
        await asyncio.to_thread(bed.ensure, "web")
        await accepted(fleet, 1)

    for name in ARMED:
        bed.start(name, **armed[name])
    await asyncio.to_thread(bed.ensure, "beat")
    wait_for(bed.answers, "the web process answers")
    done = await campaign(
        bed, phones[:-1], tmp_path / "fleet", trouble, seed=nth, manners=QUIET, pause=0.2
    )
    say(f"{action} at the {nth}. time of {len(SWEPT)} failpoints: {done.judgment.text()}")
    return done


async def _send_something_refused(bed: Bed, token: str, patient: object) -> None:
    body = report_body(patient, uuid7(), clock.now())  # type: ignore[arg-type]
    with suppress(ConnectionBroken):
        await send(bed, token, body.replace(b'"participant"', b'"nobody"'))


@pytest.mark.req("F1", "F2", "F3", "F5", "F6", "F7", "F8")
async def test_every_failpoint_is_reached_and_a_kill_there_loses_and_repeats_nothing(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    done = await sweep(bed, phones, tmp_path, "kill", 1)
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()


def _sweeps() -> Iterator[tuple[str, int]]:
    for action in ("kill", "raise", "sleep:300"):
        for nth in (1, 2, 3):
            yield action, nth


@pytest.mark.soak
@pytest.mark.parametrize(("action", "nth"), list(_sweeps()))
async def test_whatever_happens_at_whichever_time_nothing_is_lost_and_nothing_done_twice(
    bed: Bed, phones: Phones, tmp_path: Path, action: str, nth: int
) -> None:
    done = await sweep(bed, phones, tmp_path, action, nth)
    assert done.judgment.is_clean, done.judgment.text()
