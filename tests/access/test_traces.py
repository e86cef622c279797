"""Refusals and looks at protected rows are written down; ordinary reads change nothing."""

import pytest
from django.db import connection
from django.test import Client

from portal.audit.models import AuditEntry
from tests.access.walker import NEVER_MADE
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")


def _entries() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.order_by("id").values_list("action", "resource", "record_id")
    return [(action, resource, str(record)) for action, resource, record in rows]


def test_a_refusal_leaves_one_entry_whether_the_record_exists_or_not(world: World) -> None:
    doctor = make_person(world, "traced", "doctor", world.sites[0])
    headers = bearer(doctor)
    elsewhere = world.patients[-1].pk
    for pk in (elsewhere, NEVER_MADE):
        before = len(_entries())
        assert Client().get(f"/api/v1/patients/{pk}/", headers=headers).status_code == 404
        assert _entries()[before:] == [("refused", "patient", str(pk))]
    entry = AuditEntry.objects.latest("id")
    assert (entry.acted_by, entry.acted_source) == (doctor.pk, "api")
    assert entry.detail == {"status": 404, "method": "GET"}


def test_a_list_that_is_refused_leaves_one_entry(world: World) -> None:
    headers = bearer(make_person(world, "administrator", "system_admin"))
    before = len(_entries())
    assert Client().get("/api/v1/patients/", headers=headers).status_code == 403
    assert _entries()[before:] == [("refused", "patients", "None")]


def test_nobody_in_particular_leaves_no_entry(world: World) -> None:
    before = len(_entries())
    Client().get("/api/v1/patients/")
    Client().get("/api/v1/nothing/")
    assert len(_entries()) == before


def test_a_look_at_protected_findings_is_written_down(world: World) -> None:
    monitor = make_person(world, "looker", "unblinded_monitor", world.sites[0])
    before = len(_entries())
    assert Client().get("/api/v1/findings/", headers=bearer(monitor)).status_code == 200
    assert _entries()[before:] == [("unblinded", "protected_finding", "None")]


def test_a_refused_request_writes_nothing_but_its_entry(world: World) -> None:
    doctor = make_person(world, "harmless", "doctor", world.sites[0])
    headers = bearer(doctor)
    written: list[str] = []

    def watch(execute: object, sql: str, *rest: object) -> object:
        if sql.lstrip().split(" ")[0] in ("INSERT", "UPDATE", "DELETE"):
            written.append(sql.split('"')[1])
        return execute(sql, *rest)  # type: ignore[operator]

    with connection.execute_wrapper(watch):
        Client().get(f"/api/v1/patients/{world.patients[-1].pk}/", headers=headers)
        Client().post("/api/v1/patients/", {}, "application/json", headers=headers)
        Client().delete(f"/api/v1/patients/{world.patients[0].pk}/", headers=headers)
    assert written == [AuditEntry._meta.db_table]
