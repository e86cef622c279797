"""A serious event reaches the screen of its CRA, once, whichever process is killed on the way."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from portal.demo.generator.draws import Draws
from tests.rig.bed import Bed, armed, wait_for
from tests.rig.campaign import Phones, say
from tests.rig.test_backlog import store
from tests.rig.test_connections import EVENTS, post, serious

PROGRAMS = ("web", "worker", "relay", "live", "watcher")
POISON = """
INSERT INTO outbox_outboxdelivery
    (message_id, kind, version, handler, is_ordered, lane, resource, record_id, ordering_key)
SELECT gen_random_uuid(), 'adverse_event.amended', 1, 'events.handlers.tell_of_new_information',
    true, lane, 'adverse_event', gen_random_uuid(), gen_random_uuid()
FROM generate_series(1, 20), unnest('{0,1}'::int[]) AS lane
"""
# Tests that come after wait until nothing is pending.
CURE = """
DELETE FROM outbox_outboxdelivery WHERE kind = 'adverse_event.amended'
    AND record_id NOT IN (SELECT id FROM events_adverseevent)
"""
# Where a program dies on the way of a notice, and which one does.
WORST = {
    "task.before_effect": "worker",
    "task.mid": "worker",
    "relay.after_claim": "relay",
    "relay.after_publish": "relay",
    "live.before_publish": "live",
    "live.after_publish": "live",
    "notices.after_step": "watcher",
}
# Who does the same work too: kept away, or the program might come too late to die of it.
RIVALS = {"notices.after_step": ("worker", "relay")}
Cra = tuple[str, str]
Report = Callable[[], Awaitable[str]]


@asynccontextmanager
async def screen(bed: Bed, cra: Cra) -> AsyncIterator[ClientConnection]:
    """Open the CRA's inbox."""
    async with open_socket(f"ws://127.0.0.1:{bed.port}/ws/live/") as socket:
        await socket.send(json.dumps({"type": "authenticate", "token": cra[1]}))
        await _answer(socket, "ready")
        await socket.send(json.dumps({"type": "subscribe", "topic": "notifications"}))
        await _answer(socket, "subscribed")
        yield socket


async def _answer(socket: ClientConnection, kind: str) -> None:
    while json.loads(await socket.recv())["type"] != kind:
        pass


async def shown(socket: ClientConnection, events: list[str]) -> Counter[str]:
    """Read until there is a notice about each event; return how many there were of each."""
    seen: Counter[str] = Counter()
    async with asyncio.timeout(120):
        while not all(seen[event] for event in events):
            said = json.loads(await socket.recv())
            if said["type"] == "update" and said["kind"] == "adverse_event.serious":
                seen[said["data"]["record"]] += 1
    return seen


async def reported(bed: Bed, staff: str, phones: Phones) -> str:
    reply = await post(bed, staff, EVENTS, serious(phones[0][0]))
    assert reply.status == 201
    return str(reply.json()["id"])


def notices(bed: Bed, cra: Cra, event: str) -> int:
    return bed.number(
        f"SELECT count(*) FROM notices_notice WHERE record_id = '{event}' "
        f"AND person_id = '{cra[0]}' AND kind = 'adverse_event.serious' AND occasion = ''"
    )


async def dies(
    bed: Bed, reached: Path, failpoint: str, report: Callable[[], Awaitable[str]]
) -> str:
    """Let a program die once at its worst moment, after an event was reported; it comes back."""
    program = WORST[failpoint]
    await asyncio.to_thread(bed.start, program, **armed(failpoint, once=reached))
    if program == "worker":
        await asyncio.to_thread(bed.wait_until_worker_is_used)
    event = await report()
    await asyncio.to_thread(wait_for, reached.exists, f"{failpoint} was reached")
    await asyncio.to_thread(bed.ensure, program, *RIVALS.get(failpoint, ()))
    return event


@pytest.mark.req("F13", "F55")
@pytest.mark.parametrize(
    "failpoint", Draws("worst", 5).some([*WORST], 3), ids=lambda name: name.replace(".", "-")
)
async def test_a_process_killed_at_its_worst_moment_costs_no_notice(
    bed: Bed, phones: Phones, staff: str, cra: Cra, tmp_path: Path, failpoint: str
) -> None:
    await killed(bed, phones, staff, cra, tmp_path / "reached", failpoint)


@pytest.mark.soak
@pytest.mark.req("F13", "F55")
@pytest.mark.parametrize("failpoint", list(WORST), ids=lambda name: name.replace(".", "-"))
async def test_behind_a_backlog_with_poison_a_process_killed_costs_no_notice(
    bed: Bed, phones: Phones, staff: str, cra: Cra, tmp_path: Path, failpoint: str
) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    for name in ("worker", "relay"):
        if name in bed.programs:
            bed.kill(name)
    await store(bed, phones, 2000)
    with bed.superuser() as asked:
        asked.execute(POISON)
    try:
        await killed(bed, phones, staff, cra, tmp_path / "reached", failpoint)
    finally:
        with bed.superuser() as asked:
            asked.execute(CURE)


async def killed(
    bed: Bed, phones: Phones, staff: str, cra: Cra, reached: Path, failpoint: str
) -> None:
    away = {WORST[failpoint], *RIVALS.get(failpoint, ())}
    for name in away & bed.programs.keys():
        bed.kill(name)
    await asyncio.to_thread(bed.ensure, *(name for name in PROGRAMS if name not in away))
    async with screen(bed, cra) as socket:
        event = await dies(bed, reached, failpoint, lambda: reported(bed, staff, phones))
        seen = await shown(socket, [event])
        say(f"killed at {failpoint}: on the screen {seen[event]} times")
    assert notices(bed, cra, event) == 1


@pytest.mark.req("F13", "F40")
async def test_with_no_broker_a_notice_reaches_the_screen(
    bed: Bed, phones: Phones, staff: str, cra: Cra
) -> None:
    await asyncio.to_thread(bed.ensure, *PROGRAMS)
    async with screen(bed, cra) as socket:
        await asyncio.to_thread(bed.valkey.stop)
        try:
            event = await reported(bed, staff, phones)
            assert (await shown(socket, [event]))[event]
        finally:
            await asyncio.to_thread(bed.start_servers)
    assert notices(bed, cra, event) == 1


@pytest.mark.req("F20")
async def test_after_a_crash_of_the_database_a_notice_reaches_the_screen(
    bed: Bed, phones: Phones, staff: str, cra: Cra
) -> None:
    await asyncio.to_thread(bed.ensure, *PROGRAMS)
    async with screen(bed, cra) as socket:
        event = await reported(bed, staff, phones)
        await asyncio.to_thread(bed.kill_postgres)
        assert (await shown(socket, [event]))[event]
    assert notices(bed, cra, event) == 1
