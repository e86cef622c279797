"""./run is stopped and started under load, as somebody does who updates it: no upload is lost."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from portal.core import clock
from portal.embedded.home import Home
from tests.embedded.conftest import RunningPortal, wait_for
from tests.rig.campaign import accepted, say
from tests.rig.checker import judge, read_stored
from tests.rig.fleet import Fleet

TIMES = 3
ENROLL = """
from portal.core import clock
from portal.demo.simulation.cohort import make_cohort
for patient, token in make_cohort("RUN-1", 12, clock.now()):
    print("phone", patient, token)
"""


def enroll(portal: RunningPortal) -> list[tuple[UUID, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "portal.embedded", "manage", "shell", "-c", ENROLL],
        env=portal.environment(), capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    lines = [line.split() for line in done.stdout.splitlines()]
    return [(UUID(words[1]), words[2]) for words in lines if words[:1] == ["phone"]]


@pytest.mark.soak
@pytest.mark.req("F16")
async def test_portal_that_is_stopped_and_started_under_load_loses_no_upload(
    used_portal: RunningPortal, tmp_path: Path
) -> None:
    used_portal.launch()  # the first start makes the tables: on a busy machine that takes long
    ready = await asyncio.to_thread(wait_for, lambda: "READY in" in used_portal.text(), 600)
    assert ready, used_portal.text()
    phones = await asyncio.to_thread(enroll, used_portal)
    url = f"http://127.0.0.1:{used_portal.port}"
    fleet = Fleet(phones, url=url, folder=tmp_path / "fleet", seed=1, begins=clock.now())
    over, said = asyncio.Event(), []
    running = asyncio.create_task(fleet.run(until=over, pause=0.1))
    for _ in range(TIMES):
        await accepted(fleet, 50)
        seconds = await asyncio.to_thread(used_portal.terminate)
        assert seconds < 5
        assert used_portal.process is not None
        assert used_portal.process.returncode == 0
        assert wait_for(lambda: not used_portal.processes(), 2), used_portal.processes()
        began = time.monotonic()
        await asyncio.to_thread(used_portal.start)
        said.append(f"stopped in {seconds:.1f} s, READY after {time.monotonic() - began:.1f} s")
    await accepted(fleet, 50)
    over.set()
    await running

    home = Home(used_portal.folder)
    address = json.loads(home.servers.read_text())["DATABASE_URL"]
    waits = "SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'pending'"

    def is_quiet() -> bool:
        with psycopg.connect(address) as asked:
            return asked.execute(waits).fetchone() == (0,)

    assert await asyncio.to_thread(wait_for, is_quiet)
    judgment = judge(fleet.history, read_stored(address))
    say("; ".join([*said, judgment.text()]))
    assert judgment.is_clean, judgment.text()
