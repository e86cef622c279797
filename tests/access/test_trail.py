"""The trail as people read it: acts by filter, one value's history, the whole of it as a file."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import AsyncRequestFactory, Client

from patients.models import Identity, PatientIdentity, ProtectedFinding, VitalSign
from portal.access import trail_rows
from portal.access.unblinded import unblinded
from portal.api import trail_export
from portal.api.audit import id_of, sequence_of
from portal.api.streams import streamed
from portal.audit.export_file import Altered, CutOff, Form, Sealer, check_file
from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.core.models import SCHEMA_OF
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The end of an answer would close the connection, and the world's transaction with it."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


def get(world: World, role: str, address: str, where: Any = None) -> Any:
    name = f"{role}-{len(world.people)}"
    return Client().get(address, headers=bearer(make_person(world, name, role, where)))


def exported(world: World, role: str, where: Any = None, form: str = "ndjson") -> bytes:
    answer = get(world, role, f"/api/v1/audit-trail/?format={form}", where)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def lines(file: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.splitlines()]


# --- acts -----------------------------------------------------------------------------------------


def act(world: World, **more: Any) -> AuditEntry:
    place = {"trial_id": world.trials[0].pk, "site_id": world.sites[0].pk}
    return record(
        more.pop("action", Action.PRINTED),
        by=SYSTEM_ACCOUNT,
        at=clock.now(),
        **{"resource": "patient", **place, **more},
    )


@pytest.mark.req("E6-05")
def test_acts_are_found_by_what_whom_where_and_when(world: World) -> None:
    patient = world.patients[0].pk
    made = act(world, record_id=patient, patient_id=patient)
    act(world, resource="visit", action=Action.EXPORTED, site_id=world.sites[1].pk)
    headers = bearer(make_person(world, "reader", "inspector"))
    for query in (
        f"action=printed&record={patient}&actor={SYSTEM_ACCOUNT}&resource=patient",
        f"action=printed&site={world.sites[0].pk}&trial={world.trials[0].pk}&patient={patient}",
        f"action=printed&since={(made.at - timedelta(seconds=9)).isoformat()}".replace("+", "%2B"),
    ):
        answer = Client().get(f"/api/v1/audit-entries/?{query}", headers=headers)
        assert [row["sequence"] for row in answer.json()["results"]] == [made.pk], query
    until = (made.at - timedelta(seconds=9)).isoformat().replace("+", "%2B")
    later = Client().get(f"/api/v1/audit-entries/?action=printed&until={until}", headers=headers)
    assert later.json()["results"] == []


def test_an_act_has_an_address_and_never_another_version(world: World) -> None:
    made = act(world, detail={"fields": ["usubjid"]})
    answer = get(world, "inspector", f"/api/v1/audit-entries/{id_of(made.pk)}/")
    told = answer.json()
    assert (told["id"], told["version"], told["detail"]) == (
        str(id_of(made.pk)), 1, {"fields": ["usubjid"]},
    )  # fmt: skip
    assert told["by"]["id"] == str(SYSTEM_ACCOUNT)
    assert answer["ETag"] == '"1"'
    assert sequence_of(id_of(made.pk)) == made.pk
    assert sequence_of(uuid7()) is None


@pytest.mark.parametrize(
    "query", ["resource=secrets", "action=flown", "since=2026-01-01", "record=1", "actor=x"]
)
def test_a_filter_that_cannot_be_meant_is_refused(world: World, query: str) -> None:
    answer = get(world, "inspector", f"/api/v1/audit-entries/?{query}")
    assert answer.status_code == 400


@pytest.mark.req("EMA-05")
def test_acts_on_protected_facts_are_shown_where_one_is_unblinded_only(world: World) -> None:
    here = act(world, resource="protected_finding", action=Action.UNBLINDED).pk
    there = act(world, resource="allocation", action=Action.UNBLINDED, site_id=world.sites[1].pk).pk
    for role, where, seen in (
        ("inspector", None, set()),
        ("cra", world.sites[0], set()),
        ("unblinded_monitor", world.sites[0], {here}),
        ("unblinded_safety_officer", world.trials[0], {here, there}),
    ):
        answer = get(world, role, "/api/v1/audit-entries/?action=unblinded&limit=500", where)
        assert {row["sequence"] for row in answer.json()["results"]} == seen, role


# --- one value ------------------------------------------------------------------------------------


@pytest.mark.req("EMA-04")
def test_one_value_s_history_tells_its_changes_alone(world: World) -> None:
    reading = world.vitals[0]
    for reason, change in (
        ("typo", {"value": "37.6"}),
        ("position", {"position": "sitting"}),
        ("source", {"value": "37.4"}),
    ):
        with acting(by=SYSTEM_ACCOUNT, reason=reason):
            VitalSign.objects.filter(pk=reading.pk).update(**change)
    answer = get(world, "cra", f"/api/v1/vitals/{reading.pk}/history/?field=value", world.sites[0])
    told = [(row["reason"], row["changes"]) for row in answer.json()["results"]]
    assert told == [
        ("source", [{"field": "value", "old": 37.6, "new": 37.4}]),
        ("typo", [{"field": "value", "old": 37.5, "new": 37.6}]),
        ("test", [{"field": "value", "old": None, "new": 37.5}]),
    ]
    whole = get(world, "cra", f"/api/v1/vitals/{reading.pk}/history/", world.sites[0])
    assert len(whole.json()["results"]) == 4
    wrong = get(
        world, "cra", f"/api/v1/vitals/{reading.pk}/history/?field=acted_by", world.sites[0]
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid")


# --- all of it ------------------------------------------------------------------------------------


def test_the_whole_trail_is_exported_with_its_number_and_digest(world: World) -> None:
    file = exported(world, "inspector")
    *rows, last = lines(file)
    assert last["end"] is True
    assert last["rows"] == len(rows) == check_file(io.BytesIO(file))
    tables = {row["table"] for row in rows}
    assert {"audit_entry", "user", "assignment", "patient", "vital_sign", "trial"} <= tables
    assert {row["sequence"] for row in rows if row["table"] == "vital_sign"} == set(
        TRACKED[VitalSign]._default_manager.values_list("pgh_id", flat=True)
    )
    change = next(row for row in rows if row["table"] == "vital_sign")
    assert change["values"]["original_value"] == "99.5"
    assert (change["by"], change["reason"]) == (str(SYSTEM_ACCOUNT), "test")
    assert b"jti_digest" not in file
    assert b"password" not in file.lower()


@pytest.mark.parametrize("form", list(Form))
def test_a_file_that_was_cut_off_or_changed_is_told(
    world: World, tmp_path: Path, form: Form
) -> None:
    file = exported(world, "inspector", form=form.value)
    assert check_file(io.BytesIO(file)) > 50
    whole = file.splitlines(keepends=True)
    for at in (0, 1, len(file) // 2, len(file) - 1, len(file) - len(whole[-1])):
        with pytest.raises(CutOff):
            check_file(io.BytesIO(file[:at]))
    with pytest.raises(Altered):
        check_file(iter([*whole[:-3], *whole[-2:]]))
    path = tmp_path / "trail"
    path.write_bytes(file)
    call_command("check_audit_export", str(path), stdout=io.StringIO())
    path.write_bytes(file.replace(b"HEADACHE", b"NAUSEA", 1))
    with pytest.raises(CommandError, match="not those"):
        call_command("check_audit_export", str(path))


@pytest.mark.req("F92")
def test_no_cell_of_the_csv_is_a_formula() -> None:
    sealer = Sealer(Form.CSV, ("table", "reason"))
    rows = [
        {"table": "patient", "reason": text} for text in ("=1+1", "+1", "-1", "@x", "\tx", "ok")
    ]
    told = list(csv.reader(io.StringIO(b"".join(sealer.parts(rows)).decode())))
    assert [row[1] for row in told[1:-1]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "ok"]


@pytest.mark.req("E6-03")
def test_an_export_is_an_act_and_one_that_came_to_its_end_another(world: World) -> None:
    file = exported(world, "inspector")
    begun, ended = AuditEntry.objects.filter(resource="audit_trail").order_by("id")
    assert (begun.action, ended.action) == ("exported", "downloaded")
    assert begun.acted_by == ended.acted_by == list(world.people.values())[-1].pk
    assert ended.acted_source == "api"
    last = lines(file)[-1]
    assert ended.detail == {"begun": begun.pk, "rows": last["rows"], "sha256": last["sha256"]}


def test_an_export_that_breaks_off_has_no_last_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(user: Any) -> Any:
        yield from ({"table": "patient", "sequence": number} for number in range(5000))
        raise TimeoutError

    monkeypatch.setattr(trail_export, "trail_rows", broken)
    answer = get(world, "inspector", "/api/v1/audit-trail/")
    sent = b""
    with pytest.raises(TimeoutError):
        for part in answer.streaming_content:
            sent += part
    assert sent
    with pytest.raises(CutOff):
        check_file(io.BytesIO(sent))
    actions = AuditEntry.objects.filter(resource="audit_trail").values_list("action", flat=True)
    assert list(actions) == ["exported"]


@pytest.mark.req("EMA-05")
def test_the_file_of_the_blinded_holds_nothing_protected(world: World) -> None:
    """The same trail, another arm: byte for byte the same, but for the reader's own acts."""
    reader = bearer(make_person(world, "blinded", "cra", world.sites[0]))

    def told() -> list[dict[str, Any]]:
        answer = Client().get("/api/v1/audit-trail/", headers=reader)
        return [
            row
            for row in lines(b"".join(answer.streaming_content))[:-1]
            if row["table"] != "audit_entry"
        ]

    before = told()
    with acting(by=SYSTEM_ACCOUNT, reason="swap ARM-ZQX8"), unblinded():
        ProtectedFinding.objects.update(message="Planned ARM-ZQX8, actual ARM-ZQX7.")
    assert told() == before
    protected = {trail_rows.resource_of(m) for m in TRACKED if SCHEMA_OF.get(m._meta.label)}
    assert not protected & {row["table"] for row in before}
    monitor = exported(world, "unblinded_monitor", world.sites[0])
    rows = [row for row in lines(monitor) if row.get("table") == "protected_finding"]
    ours = {str(f.pk) for f in world.protected_findings if f.site_id == world.sites[0].pk}
    assert {row["record"] for row in rows} == ours


def test_each_reader_is_told_of_their_own_records_only(world: World) -> None:
    rows = lines(exported(world, "cra", world.sites[0]))[:-1]
    told = {row["record"] for row in rows if row["table"] == "vital_sign"}
    assert told == {str(v.pk) for v in world.vitals if v.site_id == world.sites[0].pk}
    assert not {"user", "session"} & {row["table"] for row in rows}
    sponsor = lines(exported(world, "sponsor_admin", world.sponsors[0]))[:-1]
    clinical = {"patient", "vital_sign", "adverse_event", "visit", "exposure"}
    assert not clinical & {row["table"] for row in sponsor}


def test_sealed_values_are_told_as_sealed(world: World) -> None:
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        person = Identity.objects.create(institution=world.sites[0].institution, key_id="k")
        PatientIdentity.objects.create(identity=person, patient=patient)
        Identity.objects.filter(pk=person.pk).update(contact=b"\x01\x01k" + b"s" * 40)
    rows = lines(exported(world, "doctor", world.sites[0]))
    told = [row["values"]["contact"] for row in rows if row.get("table") == "identity"]
    assert told == [None, trail_rows.SEALED]
    assert not [
        row for row in lines(exported(world, "inspector")) if row.get("table") == "identity"
    ]


@pytest.mark.usefixtures("kept_connection")
def test_under_asgi_the_parts_are_pulled_one_by_one_and_closed() -> None:
    made: list[int] = []

    def parts() -> Any:
        try:
            for number in range(1000):
                made.append(number)
                yield b"x"
        finally:
            made.append(-1)

    class Asked:
        _request = AsyncRequestFactory().get("/")

    response = streamed(Asked(), parts(), content_type="text/csv", file_name="x")  # type: ignore[arg-type]

    async def some() -> None:
        received = 0
        async for _ in response:
            received += 1
            if received == 3:
                return

    asyncio.run(some())
    response.close()
    assert made == [0, 1, 2, -1]
