"""The schema grows while phones upload: nobody waits longer for a lock than an upload may."""

import asyncio
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from portal.embedded.home import ROOT
from tests.rig.bed import Bed
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign, say
from tests.rig.fleet import Fleet
from tests.rig.test_kills import QUIET

# What a release may bring for the busiest table, each step as `migrate` applies it, and back again.
# The first one finds somebody who holds the table, and comes again.
EXPAND_AND_CONTRACT = """
import psycopg
from django.contrib.postgres.operations import (
    AddConstraintNotValid, RemoveIndexConcurrently, ValidateConstraint)
from django.db import OperationalError, connection, models
from django.db.migrations import Migration, operations as ops
from django.db.migrations.loader import MigrationLoader
from portal.core.operations import BuildIndex
state = MigrationLoader(connection).project_state()
busy = psycopg.connect(sys.argv[1])
busy.execute("SELECT FROM patients_eproreport LIMIT 1")
short = models.CheckConstraint(condition=~models.Q(remark="x"), name="remark_is_no_x")
by_remark = models.Index(fields=["remark"], name="report_by_remark")
steps = [
    (True, ops.AddField("eproreport", "remark", models.TextField(null=True))),
    (True, ops.AddField("eproreport", "mark", models.TextField(db_default=""))),
    (False, BuildIndex("eproreport", by_remark)),
    (True, AddConstraintNotValid("eproreport", short)),
    (True, ValidateConstraint("eproreport", short.name)),
    (True, ops.RemoveConstraint("eproreport", short.name)),
    (False, RemoveIndexConcurrently("eproreport", by_remark.name)),
    (True, ops.RemoveField("eproreport", "mark")),
    (True, ops.RemoveField("eproreport", "remark")),
]
waits = 0
for atomic, operation in steps:
    migration = Migration("9999_grow", "patients")
    migration.operations, migration.atomic = [operation], atomic
    while True:
        try:
            with connection.schema_editor(atomic=atomic) as editor:
                state = migration.apply(state.clone(), editor)
            break
        except OperationalError as error:
            assert error.__cause__.sqlstate == "55P03", error
            waits += 1
            busy.commit()
    print(operation.describe())
print(waits)
"""


@pytest.mark.req("F29")
async def test_uploads_go_on_while_the_schema_grows(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    done_steps: list[str] = []

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 20)
        *steps, waits = await asyncio.to_thread(
            bed.run_script, EXPAND_AND_CONTRACT, bed.database_url, **bed.owner
        )
        assert int(waits) > 0
        done_steps.extend(steps)
        await accepted(fleet, 20)

    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    done = await campaign(bed, phones, tmp_path, trouble, seed=29, manners=QUIET, pause=0.1)
    refused = [line for line in done.fleet.history if line.status == 503]
    say(
        f"{len(done_steps)} steps: {len(refused)} told to wait in {done.judgment.accepted} "
        f"uploads; {done.judgment.text()}"
    )
    assert refused == []
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.req("F29")
def test_migrate_waits_in_nobodys_way_and_comes_again(bed: Bed) -> None:
    with psycopg.connect(bed.database_url) as busy:
        busy.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            env=bed.environment("command", **bed.owner),
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as migrate:
            assert migrate.stderr is not None
            assert "trying again" in migrate.stderr.readline()
            busy.rollback()
            migrate.stderr.read()
    assert migrate.returncode == 0
