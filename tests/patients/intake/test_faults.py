"""A poisoned row, a database that is away, read-only, locked or restarted, and the end of a server.

Phones keep what was not answered 202; what was is there.
"""

import asyncio
import time
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection

from patients.intake import app
from portal.core.ids import uuid7
from tests.patients.intake.phones import Client, Ward, report, rows
from tests.plugins.servers import SERVERS

pytestmark = pytest.mark.django_db(transaction=True)
POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.language = 'poison' THEN
        RAISE EXCEPTION 'poisoned' USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON patients_eproreport FOR EACH ROW EXECUTE FUNCTION poison();
"""


def _owner() -> "psycopg.Connection[Any]":
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    return psycopg.connect(url, autocommit=True)


def _superuser() -> "psycopg.Connection[Any]":
    return psycopg.connect(SERVERS.postgres.url("postgres", "postgres"), autocommit=True)


def _as_owner(statement: str) -> None:
    with _owner() as owner:
        owner.execute(statement)  # type: ignore[call-overload]


async def test_poisoned_row_never_refuses_its_neighbors(ward: Ward, client: Client) -> None:
    await asyncio.to_thread(_as_owner, POISON)
    bodies = [report(ward.patient, language="poison" if n == 4 else "en") for n in range(10)]

    answers = await asyncio.gather(
        *(client.post("epro-reports", body, ward.token) for body in bodies)
    )

    assert [answer.status for answer in answers] == [400 if n == 4 else 202 for n in range(10)]
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(9,)]


async def test_poisoned_batch_takes_nothing_of_the_one_behind_it(
    ward: Ward, client: Client
) -> None:
    """More than one batch: the next one waits at the database while the first is written."""
    await asyncio.to_thread(_as_owner, POISON)
    poisoned = {3, 40, 41, 99}
    bodies = [
        report(ward.patient, language="poison" if n in poisoned else "en") for n in range(120)
    ]

    answers = await asyncio.gather(
        *(client.post("epro-reports", body, ward.token) for body in bodies)
    )

    assert {n for n, answer in enumerate(answers) if answer.status == 400} == poisoned
    assert [answer.status for answer in answers].count(202) == 116
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert await rows(
        "SELECT count(*), count(DISTINCT submission_id) FROM patients_eproreport"
    ) == [(116, 116)]


async def test_two_batches_that_the_end_of_a_session_undid_leave_a_connection_that_works(
    ward: Ward, client: Client
) -> None:
    """Whoever hears of the old connection's end last lets go of no new one."""
    bodies = [report(ward.patient) for _ in range(120)]
    lost = (
        "CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;"
        "CREATE TRIGGER ended AFTER INSERT ON patients_eproreport EXECUTE FUNCTION ended()"
    )
    await asyncio.to_thread(_as_owner, lost)
    undone = await asyncio.gather(*(client.post("epro-reports", b, ward.token) for b in bodies))
    await asyncio.to_thread(_as_owner, "DROP FUNCTION ended CASCADE")
    until = time.monotonic() + 60
    while (await client.post("epro-reports", bodies[0], ward.token)).status != 202:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    again = await asyncio.gather(*(client.post("epro-reports", b, ward.token) for b in bodies))

    assert {answer.status for answer in undone} == {503}
    assert {answer.status for answer in again} == {202}
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(120,)]


def _end_connections() -> None:
    with _superuser() as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE application_name = 'portal-intake'"
        )


@pytest.mark.req("F24")
async def test_connection_that_has_ended_while_nobody_sent_refuses_no_report(
    ward: Ward, client: Client
) -> None:
    for _ in range(5):
        await asyncio.to_thread(_end_connections)
        answer = await client.post("epro-reports", report(ward.patient), ward.token)

        assert answer.status == 202
        assert "idempotency-replayed" not in answer.headers
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(5,)]


@pytest.mark.req("F22")
async def test_database_away_is_503_with_advice_and_back_again_is_fine(
    ward: Ward, client: Client, settings: Any
) -> None:
    there = django_settings.DATABASES["default"]["HOST"]
    settings.DATABASES["default"]["HOST"] = "/nonexistent"
    await asyncio.to_thread(_end_connections)
    try:
        answers = [
            await client.post("epro-reports", report(ward.patient), ward.token) for _ in range(3)
        ]
    finally:
        settings.DATABASES["default"]["HOST"] = there

    assert {answer.status for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert answers[0].headers["content-type"] == "application/problem+json"
    until = time.monotonic() + 60
    body = report(ward.patient)
    while (await client.post("epro-reports", body, ward.token)).status != 202:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


@pytest.mark.req("F23")
async def test_read_only_database_refuses_uploads_for_now_and_keeps_no_half(
    ward: Ward, client: Client
) -> None:
    name = SERVERS.database

    def switch(word: str) -> None:
        with _superuser() as superuser:
            superuser.execute(
                f"ALTER DATABASE {name} SET default_transaction_read_only = {word}"  # type: ignore[arg-type]
            )
        _end_connections()

    stored = await client.post("epro-reports", report(ward.patient), ward.token)
    await asyncio.to_thread(switch, "on")
    answers = [await client.post("epro-reports", report(ward.patient), ward.token) for _ in "ab"]
    told = await client.get(stored.json()["status_url"], ward.token)  # what is there is still read
    await asyncio.to_thread(switch, "off")
    after = [await client.post("epro-reports", report(ward.patient), ward.token) for _ in "ab"]

    assert [answer.status for answer in answers] == [503, 503]
    assert told.status == 200
    assert [answer.status for answer in after] == [202, 202]
    # Nothing of what was refused: no report, no history, no message.
    for table in ("patients_eproreport", "outbox_outboxdelivery"):
        assert await rows(f"SELECT count(*) FROM {table}") == [(3,)]


@pytest.mark.req("F28")
async def test_lock_of_a_migration_is_waited_for_shortly_only(ward: Ward, client: Client) -> None:
    def lock() -> "psycopg.Connection[Any]":
        owner = _owner()
        owner.autocommit = False
        owner.execute("LOCK TABLE patients_eproreport IN ACCESS EXCLUSIVE MODE")
        return owner

    held = await asyncio.to_thread(lock)
    body = report(ward.patient)
    during = await client.post("epro-reports", body, ward.token)
    await asyncio.to_thread(held.close)
    after = await client.post("epro-reports", body, ward.token)

    assert (during.status, after.status) == (503, 202)


# Two sessions that take two locks in opposite order; intake is the one that is undone, since it
# looks for deadlocks sooner. It goes for its second lock once the other waits for its first.
MEETING = """
CREATE SEQUENCE meeting;
GRANT ALL ON SEQUENCE meeting TO portal_app;
CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '20s' AS $$ BEGIN
    IF NEW.language = 'first' THEN PERFORM pg_advisory_xact_lock(8); END IF;
    IF NEW.language = 'second' THEN
        IF nextval('meeting') = 1 THEN
            WHILE NOT EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND objid = 8 AND NOT granted)
            LOOP PERFORM pg_sleep(0.01); END LOOP;
        END IF;
        PERFORM pg_advisory_xact_lock(7);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER meet BEFORE INSERT ON patients_eproreport FOR EACH ROW EXECUTE FUNCTION meet();
"""


@pytest.mark.req("F27")
async def test_batch_that_a_deadlock_undid_is_written_again(ward: Ward, client: Client) -> None:
    with _superuser() as superuser:
        superuser.execute(f"ALTER DATABASE {SERVERS.database} SET deadlock_timeout = '50ms'")  # type: ignore[arg-type]
    await asyncio.to_thread(_as_owner, MEETING)
    _end_connections()
    await client.post("epro-reports", report(ward.patient), ward.token)  # it connects again
    keys = sorted(str(uuid7()) for _ in "ab")
    bodies = [
        report(ward.patient, submission_id=key, language=language)
        for key, language in zip(keys, ("first", "second"), strict=True)
    ]
    url = SERVERS.postgres.url("postgres", SERVERS.database)

    def stand_in_the_way() -> None:
        with psycopg.connect(url) as other:
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("SELECT pg_advisory_xact_lock(7)")
            asked = asyncio.run_coroutine_threadsafe(
                client.post("batch", {"reports": bodies}, ward.token), loop
            )
            while not _is_held(8):
                time.sleep(0.01)
            other.execute("SELECT pg_advisory_xact_lock(8)")
            other.rollback()
            answers.append(asked.result(60))

    loop, answers = asyncio.get_running_loop(), []
    await asyncio.to_thread(stand_in_the_way)

    assert [result["status"] for result in answers[0].json()["results"]] == [202, 202]
    assert await rows("SELECT last_value FROM meeting") == [(2,)]  # it was undone once
    told = await rows(
        "SELECT count(*), count(DISTINCT submission_id) FROM patients_eproreport "
        "WHERE language IN ('first', 'second')"
    )
    assert told == [(2, 2)]


def _is_held(key: int) -> bool:
    with _superuser() as superuser:
        found = superuser.execute(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted", [key]
        )
        return found.fetchone() is not None


UNDONE = """
CREATE SEQUENCE undone;
GRANT ALL ON SEQUENCE undone TO portal_app;
CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('undone') <= {times} THEN
        RAISE EXCEPTION 'undone' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER undo BEFORE INSERT ON patients_eproreport FOR EACH ROW EXECUTE FUNCTION undo();
"""


@pytest.mark.req("F27")
@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.parametrize(("times", "status", "kept"), [(2, 202, 1), (3, 503, 0)])
async def test_what_is_undone_for_others_sake_is_tried_three_times(
    ward: Ward, client: Client, state: str, times: int, status: int, kept: int
) -> None:
    await asyncio.to_thread(_as_owner, UNDONE.format(times=times, state=state))
    body = report(ward.patient)

    answer = await client.post("epro-reports", body, ward.token)

    assert answer.status == status
    assert await rows("SELECT last_value FROM undone") == [(3,)]
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(kept,)]
    assert (await client.post("epro-reports", body, ward.token)).status == 202
    assert await rows("SELECT count(*) FROM outbox_outboxdelivery") == [(1,)]


async def test_end_of_the_server_answers_what_was_queued(ward: Ward, client: Client) -> None:
    waiting = [
        asyncio.ensure_future(client.post("epro-reports", report(ward.patient), ward.token))
        for _ in range(50)
    ]
    await asyncio.sleep(0)

    await app.stop()

    answers = await asyncio.gather(*waiting)
    stored = sum(answer.status == 202 for answer in answers)
    assert {answer.status for answer in answers} <= {202, 503}
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(stored,)]
    await app.start()


@pytest.mark.req("F21")
async def test_connection_of_intake_commits_to_disk_whatever_the_role_says(
    ward: Ward, client: Client
) -> None:
    intake = await app.running()

    found = await intake.ask("SHOW synchronous_commit", ())

    assert found == [("on",)]


async def test_report_through_django_meets_the_same_statement(ward: Ward, client: Client) -> None:
    from django.test import Client as DjangoClient

    def post(body: dict[str, Any]) -> Any:
        try:
            return DjangoClient().post(
                "/api/v1/intake/epro-reports/",
                body,
                content_type="application/json",
                headers={"authorization": f"Bearer {ward.token}"},
            )
        finally:
            connection.close()

    body = report(ward.patient)
    first = await asyncio.to_thread(post, body)
    second = await client.post("epro-reports", body, ward.token)
    unknown = await asyncio.to_thread(post, report(uuid7()))

    assert (first.status_code, second.status, unknown.status_code) == (202, 202, 404)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_who_waited_for_a_connection_in_vain_does_not_wait_for_another_one(
    ward: Ward, client: Client, settings: Any
) -> None:
    intake = app.of(asyncio.get_running_loop())
    assert intake is not None
    attempts = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(writer)
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    database = django_settings.DATABASES["default"]
    there = database["HOST"], database["PORT"]
    database["HOST"], database["PORT"] = silent.sockets[0].getsockname()[:2]
    try:
        for lane in intake.lanes.values():
            await lane._line.close()
        first = asyncio.ensure_future(client.post("epro-reports", report(ward.patient), ward.token))
        while not attempts:
            await asyncio.sleep(0.01)
        # More than two batches of those that come while the first one waits.
        answers = await asyncio.gather(
            first,
            *(client.post("epro-reports", report(ward.patient), ward.token) for _ in range(100)),
        )
    finally:
        database["HOST"], database["PORT"] = there
        silent.close()

    assert {answer.status for answer in answers} == {503}
    assert len(attempts) <= 2
