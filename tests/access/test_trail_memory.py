"""The whole trail leaves in constant memory, however long it is."""

import tracemalloc

import pytest
from django.db import connection

from portal.access.trail_rows import trail_rows
from portal.audit.models import AuditEntry
from tests import soaks
from tests.access.world import World, make_person

pytestmark = pytest.mark.usefixtures("undone")
SHORT, LONG = 4_000, 16_000


def write_entries(count: int) -> None:
    table = f'"audit"."{AuditEntry._meta.db_table}"'
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (action, resource, acted_role, acted_organization, "
            "acted_source, acted_request_id, detail) "
            "SELECT 'viewed', 'patient', 'doctor', 'Clinic', 'api', n::text, "
            "jsonb_build_object('n', n) FROM generate_series(1, %s) n",
            [count],
        )


def peak_of_an_export(world: World, name: str) -> tuple[int, int]:
    """Return how many rows left and how many bytes were held at most meanwhile."""
    user = make_person(world, name, "inspector")
    tracemalloc.start()
    rows = sum(1 for _ in trail_rows(user))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return rows, peak


@pytest.mark.req("EMA-04")
def test_four_times_as_many_rows_are_exported_in_the_same_memory(world: World) -> None:
    write_entries(SHORT)
    few, small = peak_of_an_export(world, "exports-few")
    write_entries(LONG - SHORT)
    many, large = peak_of_an_export(world, "exports-many")
    soaks.tell(f"{few} rows in {small / 1e6:.1f} MB, {many} rows in {large / 1e6:.1f} MB")
    assert many - few >= LONG - SHORT
    assert large < 1.5 * small
