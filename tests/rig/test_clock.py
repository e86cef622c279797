"""The watcher's clock jumps while nobody else works: no step is missed, and none is taken twice."""

import asyncio
from pathlib import Path

import pytest

from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import Phones
from tests.rig.test_screens import Cra, notices, reported

A_DAY, AN_HOUR = 86_400, 3600
STEPS = """
SELECT count(*) FROM notices_escalationstep s JOIN notices_escalation e ON e.id = s.escalation_id
WHERE e.record_id = '{}' AND s.state {} 'pending' AND s.due_at < now() + interval '{} s'
"""


def set_clock(file: Path, seconds: int) -> None:
    """Let the clock be wrong by so much, from one look to the next."""
    draft = file.with_suffix(".new")
    draft.write_text(str(seconds))
    draft.replace(file)


@pytest.mark.req("F13", "F107")
async def test_a_watcher_whose_clock_jumps_a_day_on_and_an_hour_back_takes_each_step_once(
    bed: Bed, phones: Phones, staff: str, cra: Cra, tmp_path: Path
) -> None:
    wrong_by = tmp_path / "clock"
    set_clock(wrong_by, 0)
    for name in ("worker", "relay", "beat", "live"):
        if name in bed.programs:
            bed.kill(name)
    await asyncio.to_thread(bed.ensure, "web")
    bed.start("watcher", PORTAL_CLOCK_FILE=str(wrong_by))

    def told(event: str) -> bool:
        return notices(bed, cra, event) == 1

    def all_told(event: str) -> int:
        return bed.number(f"SELECT count(*) FROM notices_notice WHERE record_id = '{event}'")

    first = await reported(bed, staff, phones)
    await asyncio.to_thread(wait_for, lambda: told(first), "it is told at once")
    assert bed.number(STEPS.format(first, "=", A_DAY)) > 0

    set_clock(wrong_by, A_DAY)
    await asyncio.to_thread(
        wait_for, lambda: not bed.number(STEPS.format(first, "=", A_DAY)), "what is due is done"
    )
    after_a_day = bed.number(STEPS.format(first, "<>", A_DAY)), all_told(first)

    set_clock(wrong_by, -AN_HOUR)
    second = await reported(bed, staff, phones)
    await asyncio.to_thread(wait_for, lambda: told(second), "what comes then is told at once too")
    assert (bed.number(STEPS.format(first, "<>", A_DAY)), all_told(first)) == after_a_day
    assert told(first)
