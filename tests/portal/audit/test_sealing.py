"""Sealing: no row skipped, none sealed too early, none twice, whatever happens meanwhile."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from portal.audit.models import AuditEntry, Seal, SealPart
from portal.audit.record import Action, record
from portal.audit.sealing import publish, seal, seal_all, seal_next
from portal.audit.tasks import seal_audit
from portal.audit.verification import verify
from portal.audit.witness import FileWitness, WitnessDisagrees, read_anchor
from portal.core import clock
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.portal.audit.conftest import other_connection
from trials.models import Sponsor

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 4
SUITE_KILLS = 1
SOAK_KILLS = 20
HISTORY = TRACKED[Sponsor]


def act(detail: int = 0) -> AuditEntry:
    return record(Action.VIEWED, by=SYSTEM_ACCOUNT, at=clock.now(), detail={"n": detail})


def add_sponsor(name: str) -> None:
    with acting(by=SYSTEM_ACCOUNT):
        Sponsor.objects.create(name=name)


def sealed_rows(table: str) -> int:
    return sum(SealPart.objects.filter(table_name=table).values_list("row_count", flat=True))


def findings(witness: FileWitness) -> list[Any]:
    return verify(now=clock.now(), anchor=read_anchor(witness.path)).findings


def insert_act(other: "psycopg.Connection[Any]") -> int:
    row = other.execute(
        "INSERT INTO audit.audit_auditentry (action, acted_role, acted_organization, acted_source, "
        "acted_request_id, resource, detail) VALUES ('viewed', '', '', '', '', '', '{}') "
        "RETURNING pgh_id"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.req("F35")
def test_row_that_commits_after_a_later_one_is_neither_skipped_nor_overtaken(
    witness: FileWitness,
) -> None:
    seal_all(seconds=60)
    before = Seal.objects.latest("number").upto_id
    with other_connection() as early, other_connection() as late:
        first, second = insert_act(early), insert_act(late)
        late.commit()
        assert first < second
        seal()
        assert Seal.objects.latest("number").upto_id == before, "sealed past a running writer"
        early.commit()
    assert seal_all(seconds=60)
    assert Seal.objects.latest("number").upto_id >= second
    assert findings(witness) == []


@pytest.mark.req("F35")
def test_sealing_goes_on_between_transactions_that_always_overlap(witness: FileWitness) -> None:
    seal_all(seconds=60)
    with other_connection() as one, other_connection() as two:
        numbers = []
        for holder in (one, two) * 4:
            numbers.append(insert_act(holder))
            seal()
            (two if holder is one else one).commit()
            seal()
        # The last is open; those before the last two rounds are under a seal.
        assert Seal.objects.latest("number").upto_id >= numbers[-3]
    assert seal_all(seconds=60)
    assert findings(witness) == []


def test_rolled_back_numbers_leave_gaps_and_no_alarm(witness: FileWitness) -> None:
    add_sponsor("kept")
    with pytest.raises(ZeroDivisionError), acting(by=SYSTEM_ACCOUNT):
        Sponsor.objects.create(name="lost")
        _ = 1 / 0
    add_sponsor("kept too")
    assert seal_all(seconds=60)
    assert sealed_rows(HISTORY._meta.db_table) == HISTORY.objects.count()
    assert findings(witness) == []


def test_writers_and_sealers_at_once_seal_every_row_once(witness: FileWitness) -> None:
    stop = threading.Event()

    def write(number: int) -> None:
        rng = Random(number)
        try:
            for turn in range(15):
                with acting(by=SYSTEM_ACCOUNT):
                    Sponsor.objects.create(name=f"S{number}-{turn}")
                    time.sleep(rng.random() / 50)
                    act(turn)
        finally:
            connection.close()

    def seal_on() -> None:
        try:
            while not stop.is_set():
                seal()
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        sealers = [pool.submit(seal_on) for _ in range(2)]
        for done in [pool.submit(write, number) for number in range(WRITERS)]:
            done.result()
        stop.set()
        for done in sealers:
            done.result()
    assert seal_all(seconds=60)
    assert sealed_rows("audit_auditentry") == AuditEntry.objects.count() == WRITERS * 15
    assert sealed_rows(HISTORY._meta.db_table) == HISTORY.objects.count()
    numbers = [head.number for head in read_anchor(witness.path)]
    assert numbers == list(range(1, Seal.objects.count() + 1))
    assert findings(witness) == []


def test_scheduled_task_seals_and_publishes(witness: FileWitness) -> None:
    act()
    seal_audit()
    assert sealed_rows("audit_auditentry") == 1
    assert read_anchor(witness.path)[-1].number == Seal.objects.latest("number").number


def test_nothing_new_makes_no_seal(witness: FileWitness) -> None:
    seal_all(seconds=60)
    before = Seal.objects.count()
    assert seal() == 0
    assert Seal.objects.count() == before


def test_sealing_inside_a_transaction_that_wrote_is_refused() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        act()
        seal_next()


def test_protected_history_is_sealed_although_the_application_cannot_read_it(
    built_trail: Any, trail: Any
) -> None:
    assert sealed_rows("patients_protectedfindinghistory") == len(trail.world.protected_findings)


@pytest.mark.req("F18")
def test_crash_before_the_commit_leaves_the_chain_as_it_was(witness: FileWitness) -> None:
    act()
    with other_connection() as sealer:
        row = sealer.execute("SELECT audit.seal_next()").fetchone()
        assert row is not None
        assert row[0] is not None
        sealer.rollback()
    assert seal_all(seconds=60)
    assert findings(witness) == []


@pytest.mark.req("F18")
def test_crash_between_database_and_witness_is_made_good_by_the_next_run(
    witness: FileWitness,
) -> None:
    act()
    seal_all(seconds=60)
    act()
    assert seal_next() is not None
    # Here the sealer dies; the next one finds nothing to seal and still has to tell the witness.
    assert len(read_anchor(witness.path)) == Seal.objects.count() - 1
    seal()
    assert len(read_anchor(witness.path)) == Seal.objects.count()
    assert findings(witness) == []


@pytest.mark.req("F18")
def test_line_torn_by_a_crash_is_written_again(witness: FileWitness) -> None:
    act()
    seal_all(seconds=60)
    act()
    seal_all(seconds=60)
    whole = witness.path.read_bytes()
    for length in (len(whole) - 1, len(whole) - 40):
        witness.path.write_bytes(whole[:length])
        publish(witness)
        assert findings(witness) == []


@pytest.mark.req("F18")
def test_sealer_killed_at_any_moment_leaves_a_chain_that_verifies(witness: FileWitness) -> None:
    check_kills(witness, SUITE_KILLS)


@pytest.mark.soak
@pytest.mark.req("F18")
def test_sealer_killed_twenty_times_leaves_a_chain_that_verifies(witness: FileWitness) -> None:
    check_kills(witness, SOAK_KILLS)


def check_kills(witness: FileWitness, kills: int) -> None:
    rng = Random(18)
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings; from portal.audit.sealing import seal\n"
        f"settings.AUDIT_WITNESSES = [{str(witness.path)!r}]\n"
        "print('ready', flush=True)\n"
        "while True: seal()\n"
    )
    for turn in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + rng.random() / 4
        while time.monotonic() < deadline:
            act(turn)
        process.kill()
        process.wait()
        process.stdout.close()
    assert seal_all(seconds=60)
    assert sealed_rows("audit_auditentry") == AuditEntry.objects.count()
    assert findings(witness) == []


@pytest.mark.req("F37")
def test_restored_backup_verifies_by_itself_and_the_anchor_tells_what_is_missing(
    witness: FileWitness,
) -> None:
    from tests.plugins.databases import _execute

    name = connection.settings_dict["NAME"]
    add_sponsor("before the backup")
    assert seal_all(seconds=60)
    backup_ends = Seal.objects.count()
    connection.close()
    _execute(f"CREATE DATABASE {{}} TEMPLATE {name}", f"{name}_backup")
    add_sponsor("after the backup")
    assert seal_all(seconds=60)
    connection.close()
    _execute("DROP DATABASE {} WITH (FORCE)", name)
    _execute(f"ALTER DATABASE {{}} RENAME TO {name}", f"{name}_backup")

    assert verify(now=clock.now()).is_clean
    (found,) = findings(witness)
    assert found.seal == backup_ends + 1
    assert f"the database ends with {backup_ends}" in found.why

    add_sponsor("after the restore")
    with pytest.raises(WitnessDisagrees):
        seal_all(seconds=60)


@pytest.mark.req("F34")
def test_byte_that_changed_on_the_disk_fails_the_verification(witness: FileWitness) -> None:
    from tests.plugins.databases import _execute
    from tests.plugins.servers import SERVERS

    name = connection.settings_dict["NAME"]
    add_sponsor("on the disk")
    assert seal_all(seconds=60)
    connection.close()
    # A copy by files has nothing in the server's memory yet.
    _execute(f"CREATE DATABASE {{}} TEMPLATE {name} STRATEGY FILE_COPY", f"{name}_copy")
    _execute("DROP DATABASE {} WITH (FORCE)", name)
    _execute(f"ALTER DATABASE {{}} RENAME TO {name}", f"{name}_copy")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filepath('audit.trials_sponsorhistory')")
        row = cursor.fetchone()
    assert row is not None
    with open(SERVERS.postgres.data / row[0], "r+b") as page:
        page.seek(8192 - 50)
        byte = page.read(1)[0]
        page.seek(8192 - 50)
        page.write(bytes([byte ^ 1]))
    with pytest.raises(CommandError, match="cannot be read: invalid page"):
        call_command("verify_audit")


@pytest.mark.req("F37")
def test_dump_restored_elsewhere_verifies_and_is_sealed_on(witness: FileWitness) -> None:
    from tests.plugins.databases import _execute
    from tests.plugins.servers import SERVERS

    name = connection.settings_dict["NAME"]
    add_sponsor("before the dump")
    assert seal_all(seconds=60)
    connection.close()
    tools, dump = SERVERS.postgres.binaries, witness.path.with_name("dump.sql")
    where = ["-h", str(SERVERS.postgres.sockets), "-U", "postgres"]
    subprocess.run([tools / "pg_dump", *where, "-f", dump, name], check=True)
    _execute("DROP DATABASE {} WITH (FORCE)", name)
    _execute("CREATE DATABASE {} OWNER portal_owner", name)
    restore = [tools / "psql", *where, "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, name]
    subprocess.run(restore, check=True, stdout=subprocess.DEVNULL)

    assert findings(witness) == []
    add_sponsor("after the restore")
    assert seal_all(seconds=60)
    assert findings(witness) == []


def test_commands_seal_and_verify_and_say_where_the_chain_stands(
    witness: FileWitness, capsys: pytest.CaptureFixture[str]
) -> None:
    act()
    call_command("seal_audit")
    call_command("verify_audit", "--anchor", str(witness.path))
    call_command("verify_audit", "--since", "1")
    told = capsys.readouterr().out
    assert bytes(Seal.objects.latest("number").hash).hex() in told
    assert told.count("OK: ") == 2


def test_verification_fails_with_status_one_and_names_the_seal(
    witness: FileWitness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    act()
    call_command("seal_audit")
    edited = tmp_path / "edited.jsonl"
    head = json.loads(witness.path.read_text().splitlines()[0])
    edited.write_text(json.dumps(head | {"count": head["count"] + 1}) + "\n")
    with pytest.raises(CommandError) as failed:
        call_command("verify_audit", "--anchor", str(edited))
    assert failed.value.returncode == 1
    assert "BAD: seal 1: the anchor knows it otherwise" in capsys.readouterr().err


def test_column_added_later_breaks_no_seal(witness: FileWitness) -> None:
    add_sponsor("before the column")
    assert seal_all(seconds=60)
    with other_connection(owner=True) as owner:
        for table in ("trials_sponsor", "audit.trials_sponsorhistory"):
            owner.execute(f"ALTER TABLE {table} ADD nickname text NOT NULL DEFAULT ''")
        owner.commit()
    add_sponsor("after the column")
    assert seal_all(seconds=60)
    assert (
        SealPart.objects.filter(table_name="trials_sponsorhistory")
        .values("layout")
        .distinct()
        .count()
        == 2
    )
    assert findings(witness) == []
