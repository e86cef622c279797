"""Everything is killed at random times under load: nothing accepted is lost, nothing done twice."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from portal.demo.generator.draws import Draws
from tests.rig.bed import Bed
from tests.rig.campaign import EVERYTHING, Campaign, Phones, accepted, campaign, say
from tests.rig.checker import Verdict, judge, read_through
from tests.rig.fleet import Fleet
from tests.soaks import trials

SEED = 20_261_125
PARTS, KILLS_OF_A_PART = 4, 50


def weapons(bed: Bed) -> dict[str, Callable[[], None]]:
    """Return the ways to kill, by what is killed; all start it again but the programs."""
    killed = {name: lambda name=name: bed.kill(name) for name in (*EVERYTHING, "live")}
    return {**killed, "postgres": bed.kill_postgres, "valkey": bed.kill_valkey}


async def soup(
    bed: Bed, phones: Phones, tmp_path: Path, seed: int, kills: Sequence[str]
) -> Campaign:
    """Kill what is named, one after the other, under load."""
    draws, programs = Draws("soup", seed), (*EVERYTHING, *({"live"} & set(kills)))

    async def trouble(fleet: Fleet) -> None:
        for name in kills:
            await accepted(fleet, draws.integer(1, 25))
            await asyncio.to_thread(weapons(bed)[name])
            await asyncio.sleep(draws.uniform(0, 0.2))
            await asyncio.to_thread(bed.ensure, *programs)

    bed.ensure(*programs)
    bed.kills = 0
    done = await campaign(bed, phones, tmp_path, trouble, seed=seed, pause=0.1)
    say(f"seed {seed}, {bed.kills} kills: {done.judgment.text()}")
    return done


@pytest.mark.req("F19")
@pytest.mark.req("F20")
async def test_a_kill_of_each_process_and_server_loses_nothing(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    order = Draws("order", SEED).some([name for name in weapons(bed) if name != "live"], 6)
    done = await soup(bed, phones, tmp_path, SEED, order)
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()
    _planted_damage_is_seen(bed, done)


def _planted_damage_is_seen(bed: Bed, done: Campaign) -> None:
    """Delete a report, repeat an effect, alter a byte in what was just found to be whole."""
    mine = {(line.patient, line.key) for line in done.fleet.history}
    with psycopg.connect(bed.database_url) as hand:
        rows = hand.execute("SELECT patient_id, submission_id FROM patients_eproreport").fetchall()
        reports = [submission for patient, submission in rows if (patient, submission) in mine][:3]
        for table in ("patients_eproreport", "patients_diaryanswer"):
            hand.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement, submission in zip((DELETED, REPEATED, ALTERED), reports, strict=True):
            assert hand.execute(statement, {"submission": submission}).rowcount == 1
        stored = {key: one for key, one in read_through(hand).items() if key in mine}
        hand.rollback()
    found = judge(done.fleet.history, stored).found
    for verdict, submission in zip(PLANTED, reports, strict=True):
        assert [key[1] for key in found[verdict]] == [submission]


PLANTED = (Verdict.LOST, Verdict.DUPLICATED_EFFECT, Verdict.CORRUPT)
DELETED = "DELETE FROM patients_eproreport WHERE submission_id = %(submission)s"
REPEATED = """
INSERT INTO patients_diaryanswer SELECT (jsonb_populate_record(a, jsonb_build_object(
    'id', gen_random_uuid(), 'item', 'pain again'))).* FROM patients_diaryanswer a
JOIN patients_eproreport r ON r.id = a.report_id
WHERE r.submission_id = %(submission)s AND a.item = 'pain'
"""
ALTERED = """
UPDATE patients_eproreport r SET original = a.altered, digest = sha256(a.altered)
FROM (SELECT id, set_byte(original, 20, get_byte(original, 20) # 1) AS altered
    FROM patients_eproreport WHERE submission_id = %(submission)s) AS a WHERE a.id = r.id
"""


@pytest.mark.soak
@pytest.mark.req("F19")
@pytest.mark.parametrize("part", range(PARTS))
async def test_two_hundred_random_kills_in_four_parts_lose_nothing(
    bed: Bed, phones: Phones, tmp_path: Path, part: int
) -> None:
    many = trials(KILLS_OF_A_PART)
    draws = Draws("kills", SEED + part)
    kills = [draws.pick([*weapons(bed)]) for _ in range(many)]
    done = await soup(bed, phones, tmp_path, SEED + part, kills)
    assert bed.kills >= many
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F20")
async def test_a_database_killed_again_and_again_keeps_what_was_accepted(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    done = await soup(bed, phones, tmp_path, SEED + 1, ["postgres"] * 10)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.soak
@pytest.mark.req("F21")
def test_commits_that_do_not_wait_for_the_disk_are_seen_to_be_lost(bed: Bed) -> None:
    """The positive control: without it, no loss would only mean that nothing can be lost."""
    with bed.superuser() as asked:
        asked.execute("DROP TABLE IF EXISTS promised")
        asked.execute("CREATE TABLE promised (n integer)")
        asked.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        asked.execute("SELECT pg_reload_conf()")
    told = 0
    with psycopg.connect(bed.database_url, autocommit=True) as careless:
        careless.execute("SET synchronous_commit = off")
        while told < 2000:
            careless.execute("INSERT INTO promised VALUES (%s)", [told])
            told += 1
        bed.kill_postgres()
    lost = told - bed.number("SELECT count(*) FROM promised")
    say(f"{lost} lost in {told} without waiting for the disk")
    assert lost > 0
    with bed.superuser() as asked:
        asked.execute("DROP TABLE promised")
        asked.execute("ALTER SYSTEM RESET wal_writer_delay")
        asked.execute("SELECT pg_reload_conf()")


@pytest.mark.soak
@pytest.mark.req("F21")
def test_a_role_that_does_not_wait_for_the_disk_is_refused_before_production(bed: Bed) -> None:
    with bed.superuser() as asked:
        asked.execute("ALTER ROLE portal_app SET synchronous_commit = off")
    try:
        assert "portal.E001" in bed.manage("check", "--deploy", "--tag", "portal")
    finally:
        with bed.superuser() as asked:
            asked.execute("ALTER ROLE portal_app RESET synchronous_commit")
    assert "portal.E001" not in bed.manage("check", "--deploy", "--tag", "portal")
