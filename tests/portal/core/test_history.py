"""History: whatever path writes, the database writes down who, when, why, old and new."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from patients.models import Allocation, Patient, VitalSign
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.core import clock
from portal.core.bulk import copy_in
from portal.core.history import TRACKED, Source, acting, under
from portal.core.ids import SERVICE_ACCOUNTS, SYSTEM_ACCOUNT
from portal.core.models import VersionedModel
from portal.core.schemas import APPEND_ONLY, READ_ONLY
from tests.access.world import World, make_world
from trials.models import Sponsor

pytestmark = pytest.mark.django_db

# Indexes that sync_access rebuilds, counters, and the queue: the truth behind them has its history.
NO_RECORDS = {
    "trials.TrialUserPermission",
    "trials.SiteUserPermission",
    "patients.PatientUserPermission",
    "access.PortalUserPermission",
    "accounts.SignInCounter",
    "accounts.SignInRefusal",
    # A rule's memory of a patient: rebuilt from the rows whenever it is in doubt.
    "patients.RiskRuleCursor",
    # Sums of samples for charts: made again from the samples.
    "patients.VitalRollup",
    # Facts put together for intake: made again from them.
    "patients.UploadGate",
    "api.StoredAnswer",
    "accounts.RightsChange",
    "live.UsedTicket",
    "live.LiveConnection",
    "live.PendingUpdate",
    "documents.ReportLease",
    "documents.ReportProgress",
    "notices.NoticeCounter",
    "notices.WatcherHeartbeat",
    # Letters that wait to leave: what became of each is a NoticeSending, which nobody changes.
    "notices.Dispatch",
    "outbox.OutboxDelivery",
    "outbox.RelayHeartbeat",
}


@pytest.fixture
def world() -> World:
    return make_world()


def history(record: Any) -> list[Any]:
    return list(TRACKED[type(record)].objects.filter(pgh_obj_id=record.pk).order_by("pgh_id"))


def sqlstate(act: Callable[[], Any]) -> str | None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        act()
    return getattr(caught.value.__cause__, "sqlstate", None)


@pytest.mark.req("EMA-01")
def test_every_table_of_ours_has_history_or_is_its_own() -> None:
    ours = {
        model
        for model in apps.get_models()
        if model._meta.app_config.name in {"trials", "patients", "events"}
        or model._meta.app_config.name.startswith("portal.")
    }
    without = {
        model._meta.label
        for model in ours - set(TRACKED) - set(TRACKED.values())
        if model._meta.label not in {*NO_RECORDS, *APPEND_ONLY, *READ_ONLY}
    }
    assert without == set()


def test_every_tracked_table_has_its_three_triggers_always_enabled() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger "
            "WHERE tgname ~ '^pgtrigger_(insert_insert|update_update|delete_delete)_' "
            "AND tgenabled = 'A' GROUP BY 1"
        )
        found = {name.rpartition(".")[2].strip('"'): count for name, count in cursor.fetchall()}
    assert found == {model._meta.db_table: 3 for model in TRACKED}


def test_every_versioned_table_counts_its_versions() -> None:
    uncounted = {
        model._meta.label
        for model in apps.get_models()
        if issubclass(model, VersionedModel)
        and "count_versions" not in {trigger.name for trigger in model._meta.triggers}
    }
    assert uncounted == set()


@pytest.mark.req("P11-01", "P11-02", "FDA-01", "EMA-02", "E6-02")
def test_insert_update_and_raw_sql_each_leave_a_row_with_who_when_why(world: World) -> None:
    vital = world.vitals[0]
    person = User.objects.get(pk=SERVICE_ACCOUNTS["pipeline"])
    with under(source=Source.API, role="doctor", organization="Clinic", request_id="r1"):
        with acting(by=person, reason="typing error"):
            VitalSign.objects.filter(pk=vital.pk).update(value=73)
        with acting(by=person, reason="by hand"), connection.cursor() as cursor:
            cursor.execute("UPDATE patients_vitalsign SET value = 74 WHERE id = %s", [vital.pk])
    first, second, third = history(vital)
    assert [row.pgh_label for row in (first, second, third)] == ["insert", "update", "update"]
    assert [row.value for row in (second, third)] == [73, 74]
    assert [row.acted_reason for row in (second, third)] == ["typing error", "by hand"]
    told = (second.acted_by, second.acted_role, second.acted_organization, second.acted_source)
    assert told == (person.pk, "doctor", "Clinic", "api")
    assert second.acted_request_id == "r1"
    assert first.pgh_created_at <= second.pgh_created_at <= third.pgh_created_at <= clock.now()


@pytest.mark.req("P11-01")
def test_bulk_writes_leave_a_row_each(world: World) -> None:
    rows = [
        {"patient_id": world.patients[0].pk, "code": "weight", "received_at": clock.now()}
        for _ in range(50)
    ]
    table = TRACKED[VitalSign].objects
    before = table.count()
    with acting(by=SYSTEM_ACCOUNT, reason="bulk"):
        copy_in(VitalSign, rows)
        VitalSign.objects.bulk_create(VitalSign(**row) for row in rows)
        VitalSign.objects.filter(code="weight", original_value="").update(position="sitting")
    assert table.count() == before + 200


def test_update_that_changes_nothing_leaves_no_row(world: World) -> None:
    sponsor = world.sponsors[0]
    with acting(by=SYSTEM_ACCOUNT):
        Sponsor.objects.filter(pk=sponsor.pk).update(name=sponsor.name)
    # The version was counted, so the row did change by that; its history says so.
    assert [row.version for row in history(sponsor)] == [1, 2]


def test_write_that_names_nobody_is_refused_by_the_database() -> None:
    assert sqlstate(lambda: Sponsor.objects.create(name="Nobody's")) == "PA001"


@pytest.mark.req("E6-02", "ISO-01")
def test_clinical_change_without_a_reason_is_refused_by_the_database(world: World) -> None:
    def change() -> None:
        with acting(by=SYSTEM_ACCOUNT):
            VitalSign.objects.filter(pk=world.vitals[0].pk).update(value=1)

    assert sqlstate(change) == "PA002"


def test_declaration_ends_with_its_block_and_nests(world: World) -> None:
    with transaction.atomic():
        with acting(by=SYSTEM_ACCOUNT, reason="outer"):
            with acting(by=SERVICE_ACCOUNTS["import"], reason="inner"):
                Sponsor.objects.filter(pk=world.sponsors[0].pk).update(name="Inner")
            Sponsor.objects.filter(pk=world.sponsors[0].pk).update(name="Outer")
        assert sqlstate(lambda: Sponsor.objects.create(name="After")) == "PA001"
    rows = history(world.sponsors[0])[-2:]
    assert [(row.acted_by, row.acted_reason) for row in rows] == [
        (SERVICE_ACCOUNTS["import"], "inner"),
        (SYSTEM_ACCOUNT, "outer"),
    ]


def test_rolled_back_write_leaves_no_history(world: World) -> None:
    with pytest.raises(ZeroDivisionError), acting(by=SYSTEM_ACCOUNT, reason="x"):
        Sponsor.objects.filter(pk=world.sponsors[0].pk).update(name="Gone")
        _ = 1 / 0
    assert len(history(world.sponsors[0])) == 1


TABLE = "audit.patients_vitalsignhistory"
TAMPERING = {
    "update": f"UPDATE {TABLE} SET acted_reason = 'other'",
    "delete": f"DELETE FROM {TABLE}",
    "truncate": f"TRUNCATE {TABLE}",
    "insert": f"INSERT INTO {TABLE} SELECT * FROM {TABLE} LIMIT 1",
    "upsert": f"INSERT INTO {TABLE} SELECT * FROM {TABLE} LIMIT 1 "
    "ON CONFLICT (pgh_id) DO UPDATE SET acted_reason = 'other'",
    "disable": "ALTER TABLE patients_vitalsign DISABLE TRIGGER ALL",
    "replica role": "SET session_replication_role = replica",
    "drop function": "DROP FUNCTION declared_context(text, boolean)",
    "own table": "CREATE TABLE public.mine (a int)",
    "temporary table": "CREATE TEMP TABLE patients_vitalsignhistory (a int)",
    "own function": "CREATE FUNCTION public.declared_context() RETURNS int LANGUAGE sql RETURN 1",
    "own sequence value": "SELECT setval('audit.history_id', 1)",
    "delete of a clinical row": "DELETE FROM patients_vitalsign",
    "change of an original": "UPDATE patients_sourcerecord SET row_number = 1",
}


@pytest.mark.req("P11-03", "ISO-02")
@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_application_role_cannot_touch_history(world: World, statement: str) -> None:
    def tamper() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"), connection.cursor() as cursor:
            cursor.execute(statement)

    assert sqlstate(tamper) == "42501"


@pytest.mark.req("EMA-01", "E6-04")
def test_ignoring_triggers_does_not_stop_history(world: World) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="x"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pgtrigger.ignore', (SELECT array_agg(tgname)::text "
            "FROM pg_trigger WHERE tgname LIKE 'pgtrigger%%'), true)"
        )
        VitalSign.objects.filter(pk=world.vitals[0].pk).update(value=9)
    assert history(world.vitals[0])[-1].value == 9


@pytest.mark.req("EMA-05")
def test_allocation_is_out_of_reach_outside_unblinded(world: World) -> None:
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="randomized"), unblinded():
        Allocation.objects.create(patient=patient, planned_code="A")
        assert Allocation.objects.count() == 1
    assert sqlstate(Allocation.objects.count) == "42P01"
    assert sqlstate(TRACKED[Allocation].objects.count) == "42P01"

    def by_name() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM allocation.patients_allocation")

    assert sqlstate(by_name) == "42501"


def test_history_of_protected_rows_is_protected_too(world: World) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="randomized"), unblinded():
        allocation = Allocation.objects.create(patient=world.patients[0], planned_code="A")
        assert len(history(allocation)) == 1


def test_row_takes_trial_and_site_from_its_patient_and_never_moves(world: World) -> None:
    patient, other = world.patients[0], world.patients[-1]
    with acting(by=SYSTEM_ACCOUNT, reason="x"):
        made = VitalSign.objects.create(
            patient=patient, trial=other.trial, code="weight", received_at=clock.now()
        )
    made.refresh_from_db()
    assert (made.trial_id, made.site_id) == (patient.trial_id, patient.site_id)

    def move() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"):
            VitalSign.objects.filter(pk=made.pk).update(patient=other)

    assert sqlstate(move) == "23514"


def test_row_cannot_be_captured_where_the_patient_never_was(world: World) -> None:
    def capture() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"):
            VitalSign.objects.create(
                patient=world.patients[0],
                site=world.patients[-1].site,
                code="weight",
                received_at=clock.now(),
            )

    assert sqlstate(capture) == "23514"


@pytest.mark.parametrize("field", ["usubjid", "subject_number"])
def test_patient_is_never_renumbered(world: World, field: str) -> None:
    def renumber() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"):
            Patient.objects.filter(pk=world.patients[0].pk).update(**{field: "other"})

    assert sqlstate(renumber) == "23514"


def test_key_of_a_row_never_changes(world: World) -> None:
    def rekey() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"):
            Sponsor.objects.filter(pk=world.sponsors[0].pk).update(id=UUID(int=1))

    assert sqlstate(rekey) == "23514"


def test_nobody_is_superuser() -> None:
    def crown() -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="x"):
            User.objects.filter(pk=SYSTEM_ACCOUNT).update(is_superuser=True)

    assert sqlstate(crown) == "23514"
