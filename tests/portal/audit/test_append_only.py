"""Rows that are written once are numbered, dated and kept by the database, and sealed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from patients.models import SourceFile, SourceRecord
from portal.audit.selectors import sealed_tables
from portal.core import clock
from portal.core.bulk import copy_in
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_world
from tests.portal.audit.conftest import other_connection

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return make_world()


def source_file(world: World) -> SourceFile:
    return SourceFile.objects.create(
        trial=world.trials[0], name="vs.xpt", digest="0" * 64, folder_digest="0" * 64,
        dataset="VS", row_count=3,
    )  # fmt: skip


def test_rows_written_once_are_sealed_like_history() -> None:
    tables = sealed_tables()
    for name in ("sourcerecord", "protectedsourcerecord", "vitalsample"):
        columns = tables[f"patients_{name}"]
        assert {"pgh_id", "pgh_created_at", "transaction_id"} < set(columns)


@pytest.mark.req("P11-12")
def test_a_row_written_once_is_numbered_and_dated_by_the_database(world: World) -> None:
    before = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="import"):
        file = source_file(world)
        common: dict[str, Any] = {"file_id": file.pk, "trial_id": file.trial_id, "variables": {}}
        copy_in(SourceRecord, [common | {"row_number": 1}])
        SourceRecord.objects.create(
            **common, row_number=2, sequence=-5, recorded_at=LONG_AGO, transaction_id=None
        )
    first, second = SourceRecord.objects.filter(file=file).order_by("row_number")
    assert 0 < first.sequence < second.sequence
    assert before <= first.recorded_at <= second.recorded_at <= clock.now()
    assert first.transaction_id == second.transaction_id is not None


def test_the_writer_cannot_use_the_trigger_s_right_to_number() -> None:
    """The function runs with the owner's rights: names in it are not looked up on his path."""
    with other_connection() as app, app.cursor() as cursor:
        cursor.execute("SET search_path = pg_temp, public, pg_catalog")
        cursor.execute(
            "SELECT prosecdef, prosrc FROM pg_catalog.pg_proc "
            "WHERE proname LIKE 'pgtrigger_stamped_by_the_database%' AND proconfig IS NULL"
        )
        found = cursor.fetchall()
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute("SELECT pg_catalog.nextval('audit.history_id')")
    assert len(found) == 4
    for is_definer, body in found:
        assert is_definer
        assert body.count("pg_catalog.") == 4


@pytest.mark.req("P11-03")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patients_sourcerecord SET variables = '{}'",
        "DELETE FROM patients_sourcerecord",
        "TRUNCATE patients_sourcerecord CASCADE",
        "UPDATE patients_vitalsample SET value = 1",
        "UPDATE allocation.patients_protectedsourcerecord SET variables = '{}'",
    ],
)
@pytest.mark.parametrize("is_owner", [False, True])
def test_nobody_changes_a_row_written_once(statement: str, is_owner: bool) -> None:
    with (
        other_connection(owner=is_owner) as other,
        other.cursor() as cursor,
        pytest.raises(Exception, match=r"permission denied|written once"),
    ):
        cursor.execute(statement)
