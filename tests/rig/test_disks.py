"""A disk is full: 503 while it is, nothing lost, and work goes on when there is room."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from portal.core import clock
from portal.core.ids import uuid7
from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign, say
from tests.rig.conftest import enroll, staff_of
from tests.rig.disks import bed_on_disks, disk, fill
from tests.rig.fleet import Fleet, report_body
from tests.rig.test_connections import EVENTS, post, serious
from tests.rig.test_database import ME, ask
from tests.rig.test_kills import QUIET, send

Disks = tuple[Bed, Path, Path]


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    with bed_on_disks(tmp_path_factory.mktemp("disks")) as made:
        yield made


@pytest.fixture(scope="module")
def owners(disks: Disks) -> Phones:
    return enroll(disks[0], 6)


@pytest.fixture(scope="module")
def physician(disks: Disks, owners: Phones) -> str:
    return staff_of(disks[0], owners[0][0])


async def refused(fleet: Fleet, count: int) -> None:
    """Wait until so many more uploads were told to come again."""

    def told() -> int:
        return sum(line.status == 503 for line in fleet.history)

    wanted = told() + count
    async with asyncio.timeout(120):
        while told() < wanted:
            await asyncio.sleep(0.02)


@pytest.mark.req("F32")
async def test_full_data_disk_is_told_as_503_and_costs_nothing(
    disks: Disks, owners: Phones, physician: str, tmp_path: Path
) -> None:
    bed, data, _wal = disks

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 20)
        ballast = await asyncio.to_thread(fill, data)
        await refused(fleet, 20)
        assert (await ask(bed, "", "/healthz")).status == 200
        assert (await ask(bed, physician, ME)).status == 200
        reply = await _until_full(bed, physician, owners[0][0])
        assert int(reply.headers["retry-after"]) > 0
        assert reply.headers["content-type"] == "application/problem+json"
        assert bed.postgres.running()
        ballast.unlink()
        await accepted(fleet, 20)
        assert (await post(bed, physician, EVENTS, serious(owners[0][0]))).status == 201

    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    done = await campaign(bed, owners, tmp_path, trouble, seed=32, manners=QUIET, pause=0.05)
    say(f"full data disk: {done.judgment.text()}")
    assert done.judgment.is_clean, done.judgment.text()


async def _until_full(bed: Bed, token: str, patient: UUID):  # type: ignore[no-untyped-def]
    """Report serious events while pages have room for them; return the refusal."""
    async with asyncio.timeout(120):
        while (reply := await post(bed, token, EVENTS, serious(patient))).status == 201:
            pass
    assert reply.status == 503
    return reply


@pytest.mark.req("F33")
async def test_full_disk_of_the_log_ends_the_server_and_loses_nothing(
    disks: Disks, owners: Phones, tmp_path: Path
) -> None:
    bed, _data, wal = disks
    await asyncio.to_thread(bed.ensure, *EVERYTHING)

    def is_down() -> bool:
        """Take up one more piece of the log with each look."""
        try:
            with psycopg.connect(bed.database_url, autocommit=True) as asked:
                asked.execute("SELECT pg_switch_wal()")
        except psycopg.Error:
            return not bed.postgres.running()
        return False

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 20)
        ballast = await asyncio.to_thread(fill, wal)
        await asyncio.to_thread(wait_for, is_down, "the server has given up", 120)
        assert "No space left on device" in bed.postgres.log.read_text(errors="replace")
        await refused(fleet, 5)
        assert (await ask(bed, "", "/healthz")).status == 200
        ready = await ask(bed, "", "/readyz")
        assert (ready.status, ready.json()["reason"]) == (503, "database_unreachable")
        ballast.unlink()
        # Room alone brings nobody back: the server has to be started.
        assert not bed.postgres.running()
        await asyncio.to_thread(bed.start_servers)
        await accepted(fleet, 20)

    done = await campaign(bed, owners, tmp_path, trouble, seed=33, manners=QUIET, pause=0.05)
    say(f"full disk of the log: {done.judgment.text()}")
    assert done.judgment.is_clean, done.judgment.text()


LOUD = {"PORTAL_LOG_LEVEL": "INFO"}


@pytest.mark.req("F111")
async def test_full_disk_of_the_logs_holds_up_no_request(
    bed: Bed, phones: Phones, staff: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disk(tmp_path / "logs", 1) as logs:
        monkeypatch.setattr(bed, "logs", logs)
        await asyncio.to_thread(bed.start_web, **LOUD)
        await requests(bed, phones, staff)
        assert '"request_finished"' in bed.tail("web")
        ballast = await asyncio.to_thread(fill, logs)
        await requests(bed, phones, staff)
        ballast.unlink()
        size = (logs / "web.log").stat().st_size
        await requests(bed, phones, staff)
        assert (logs / "web.log").stat().st_size > size
        json.loads(bed.tail("web").splitlines()[-1])
        bed.kill("web")


@pytest.mark.req("F111")
@pytest.mark.parametrize("is_open", [True, False], ids=["nobody reads", "the reader has left"])
async def test_log_that_nobody_takes_holds_up_no_request(
    bed: Bed, phones: Phones, staff: str, is_open: bool
) -> None:
    reading, writing = os.pipe()
    bed.start_into("web", writing, **LOUD)
    os.close(writing)
    if not is_open:
        os.close(reading)
    await asyncio.to_thread(wait_for, bed.answers, "the web process answers")
    # Many more lines than a pipe holds.
    for _ in range(8):
        await requests(bed, phones, staff, 60)
    if is_open:
        os.close(reading)
    bed.kill("web")


async def requests(bed: Bed, phones: Phones, staff: str, count: int = 5) -> None:
    """Ask, and upload; all are answered as ever."""
    patient, token = phones[0]
    said = [await ask(bed, staff, ME) for _ in range(count)]
    said.append(await send(bed, token, report_body(patient, uuid7(), clock.now())))
    assert {reply.status for reply in said} == {200, 202}
