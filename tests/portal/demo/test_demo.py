"""The demo in the database: made once for this module, in a transaction that is rolled back."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from events.models import AdverseEvent, AdverseEventVersion, ExpectednessAssessment
from patients.models import (
    Allocation,
    DataFinding,
    DiaryAnswer,
    EproReport,
    ExposureGiven,
    MonitoringPlan,
    Patient,
    RiskRuleVersion,
    Visit,
    VitalSign,
)
from portal.access.permissions import Permission
from portal.access.scoping import scope, visible
from portal.access.unblinded import unblinded
from portal.accounts.models import Session, User
from portal.core import clock
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from portal.core.schemas import history_schema
from portal.demo.generator import records as r
from portal.demo.simulation.handsets import hand_out
from portal.demo.simulation.nurse import NAME, beds_of
from portal.demo.writing.monitoring import WARDS
from portal.demo_accounts import DEMO_ACCOUNTS, DEMO_PASSWORD, DEMO_PATIENTS
from tests.portal.demo.made import AS_OF, made
from trials.models import Assignment, Site, SiteApproval, Sponsor, Trial
from trials.services.access import sync_access

ALL_SITES = "01 02 03 04 05 06 07 08"
SPONSOR_1 = "01 02 03 04 05 08"


@pytest.fixture(scope="module", autouse=True)
def output(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Make the demo; the whole module runs in its transaction."""
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            yield demo()
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
            connection.close()


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """Undo what one test does."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def records() -> r.Demo:
    """What the generator made."""
    return made()


def demo() -> str:
    out = StringIO()
    call_command("demo", "--as-of", AS_OF.isoformat(), stdout=out)
    return out.getvalue()


def person(username: str) -> User:
    return User.objects.get(username=username)


def rows_of(table: str, condition: str = "true") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} t WHERE {condition}")
        return int(cursor.fetchone()[0])


# --- what is there ---


def test_it_says_how_much_it_made(output: str, records: r.Demo) -> None:
    assert output.strip() == f"{len(records)} records made"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (Sponsor, r.Sponsor),
        (Trial, r.Trial),
        (Site, r.Site),
        (Patient, r.Patient),
        (Visit, r.Visit),
        (VitalSign, r.VitalSign),
        (EproReport, r.EproReport),
        (DiaryAnswer, r.DiaryAnswer),
        (AdverseEvent, r.AdverseEvent),
        (AdverseEventVersion, r.AdverseEventVersion),
    ],
)
def test_every_record_is_written_under_its_key(
    model: Any, kind: type[r.Row], records: r.Demo
) -> None:
    assert set(model.objects.values_list("pk", flat=True)) == {row.id for row in records.of(kind)}


def test_sites_are_active_and_approved() -> None:
    assert Site.objects.filter(status="active", activated_at__isnull=False).count() == 8
    kinds = SiteApproval.objects.filter(protocol_version__number="1.0").values_list("site", "kind")
    assert len(set(kinds)) == 8 * 3


def test_one_patient_is_dead_and_some_are_in_every_state() -> None:
    states = set(Patient.objects.values_list("participation", flat=True))
    assert states == {
        "screening",
        "screen_failed",
        "randomized",
        "enrolled",
        "in_follow_up",
        "completed",
        "discontinued",
        "lost_to_follow_up",
    }
    assert Patient.objects.filter(vital_status="dead").count() == 1


def test_events_stand_as_their_latest_version_says() -> None:
    for version in AdverseEventVersion.objects.filter(kind="follow_up").select_related(
        "adverse_event"
    ):
        assert version.stated["outcome"] == version.adverse_event.outcome


def test_the_database_finds_the_reported_seriousness_contradicted_once() -> None:
    odd = AdverseEvent.objects.filter(is_serious=True, serious_as_reported="no")
    found = DataFinding.objects.get(rule="seriousness_criterion_without_serious_flag")
    assert (found.record_id, found.severity) == (odd.get().pk, "safety")


def test_the_implausible_reading_is_kept_flagged_and_found() -> None:
    reading = VitalSign.objects.get(flags__contains=["implausible"])
    found = DataFinding.objects.get(rule="outside_physical_limits")
    assert found.record_id == reading.pk
    assert found.data_point and reading.value
    assert (found.data_point.record_id, found.data_point.field) == (reading.pk, "value")
    assert reading.value > 350


def test_every_clinical_row_names_the_protocol_version_in_force() -> None:
    assert not Visit.objects.filter(protocol_version__isnull=True).exists()
    assert Visit.objects.filter(protocol_version__number="2.0").exists()


# --- people ---


def test_every_account_of_the_table_is_there_with_the_password() -> None:
    names = {name for line in DEMO_ACCOUNTS for name in line.usernames}
    found = User.objects.filter(username__in=names)
    assert found.count() == len(names) == 34
    assert len(set(found.values_list("password", flat=True))) == 1
    assert check_password(DEMO_PASSWORD, found[0].password)


def test_only_patients_may_not_open_the_admin() -> None:
    closed = User.objects.exclude(kind="service").filter(is_staff=False)
    assert set(closed.values_list("username", flat=True)) == set(DEMO_PATIENTS)


def test_added_investigators_cannot_sign_in() -> None:
    added = User.objects.filter(username__startswith="investigator")
    assert added.count() == 7
    assert not any(user.has_usable_password() for user in added)


@pytest.mark.parametrize(
    ("username", "sites"),
    [
        ("admin", ALL_SITES),
        ("manager", ALL_SITES),
        ("inspector", ALL_SITES),
        ("sponsor", SPONSOR_1),
        ("datamanager", SPONSOR_1),
        ("safety", SPONSOR_1),
        ("medical", SPONSOR_1),
        ("statistician", "01 02 03 04 05"),
        ("cra", "01 02 03 04"),
        ("cra2", "05 06 07 08"),
        ("doctor", "01"),
        ("coordinator", "01"),
        ("pharmacist", "01"),
        ("doctor2", "05"),
        ("patient1", ""),
    ],
)
def test_an_account_sees_the_sites_of_the_table(username: str, sites: str) -> None:
    found = visible(Site.objects.all(), person(username), Permission.SITE_VIEW)
    assert sorted(found.values_list("code", flat=True)) == sites.split()


@pytest.mark.parametrize(
    ("username", "sites"),
    [
        ("admin", ""),
        ("sponsor", ""),
        ("manager", ALL_SITES),
        ("inspector", ALL_SITES),
        ("safety", SPONSOR_1),
        ("cra2", "05 06 07 08"),
        ("doctor", "01"),
        ("doctor2", "05"),
    ],
)
def test_an_account_sees_the_patients_of_its_sites(username: str, sites: str) -> None:
    found = visible(Patient.objects.all(), person(username), Permission.PATIENT_VIEW)
    expected = Patient.objects.filter(site__code__in=sites.split())
    assert set(found) == set(expected)


def test_each_patient_sees_their_own_record_alone() -> None:
    for number, username in enumerate(DEMO_PATIENTS, 1):
        found = visible(Patient.objects.all(), person(username), Permission.PATIENT_VIEW)
        assert [one.subject_number for one in found] == [f"01-{number:03d}"]


def test_all_are_blinded_but_pharmacist_and_statistician() -> None:
    unblinded_people = {
        user.username
        for user in User.objects.all()
        if not scope(user, Permission.ALLOCATION_VIEW).is_empty
    }
    assert unblinded_people == {"pharmacist", "statistician"}


def test_the_monitors_are_each_others_deputies() -> None:
    pairs = Assignment.objects.filter(role="cra").values_list(
        "person__username", "deputy__username"
    )
    assert set(pairs) == {("cra", "cra2"), ("cra2", "cra")}


def test_rebuilding_the_access_changes_nothing() -> None:
    assert sync_access(at=clock.now()) == 0


# --- blinding ---


def test_allocation_is_there_for_the_role_that_may_and_for_nobody_else(records: r.Demo) -> None:
    with unblinded():
        assert Allocation.objects.count() == len(records.of(r.Allocation))
        assert ExposureGiven.objects.count() == len(records.of(r.Exposure))
        assert ExpectednessAssessment.objects.filter(is_expected=False).count() >= 2
    with pytest.raises(ProgrammingError), transaction.atomic():
        Allocation.objects.exists()


def test_no_row_about_a_patient_outside_the_protected_schema_names_arm_or_product(
    records: r.Demo,
) -> None:
    trial = next(one for one in records.of(r.Trial) if one.blinding == "double")
    telling = ["placebo", "EXT101", "PBO", "EXT-101"]
    telling += [str(arm.id) for arm in records.of(r.Arm) if arm.trial_id == trial.id]
    telling += [str(one.id) for one in records.of(r.Product) if one.trial_id == trial.id]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) "
            "FROM information_schema.columns JOIN information_schema.tables "
            "USING (table_schema, table_name) WHERE column_name = 'patient_id' "
            "AND table_schema IN ('public', 'audit', 'identity') AND table_type = 'BASE TABLE'"
        )
        tables = [name for (name,) in cursor.fetchall()]
    assert len(tables) > 40
    pattern = "|".join(telling)
    assert [name for name in tables if rows_of(name, f"t::text ~* '{pattern}'")] == []


# --- history ---


@pytest.mark.parametrize("model", [Trial, Site, User, Assignment, Patient, VitalSign, AdverseEvent])
def test_history_says_who_made_every_row_and_why(model: Any) -> None:
    history = TRACKED[model]._default_manager.filter(
        acted_by=SYSTEM_ACCOUNT,
        acted_reason=f"Demonstration data as of {AS_OF}, seed 1",
        acted_source="command",
        pgh_label="insert",
    )
    made = model.objects.exclude(kind="service") if model is User else model.objects.all()
    assert history.count() == made.count() > 0


# --- when it is not made ---


def test_a_second_run_changes_nothing() -> None:
    before = changes()
    assert demo().strip() == "the demo is there already"
    assert changes() == before


def changes() -> dict[str, int]:
    """Return how many changes the history of each open table knows."""
    tables = [
        history._meta.db_table
        for model, history in TRACKED.items()
        if history_schema(model) == "audit"
    ]
    return {name: rows_of(f'"{name}"') for name in tables}


def test_it_is_refused_where_there_are_other_trials() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('portal.actor', %s, true)", [str(SYSTEM_ACCOUNT)])
    Trial.objects.filter(number="EXT-301").update(number="EXT-999")
    with pytest.raises(CommandError, match="holds trials that are not the demo's"):
        demo()


@pytest.mark.parametrize("host", ["0.0.0.0", "portal.example.org", "::"])
def test_it_is_refused_where_others_reach_the_portal(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_HOST", host)
    with pytest.raises(CommandError, match="its password is public"):
        demo()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_is_made_on_loopback(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_HOST", host)
    assert "there already" in demo()


def test_it_is_refused_for_a_day_that_lies_ahead() -> None:
    with pytest.raises(CommandError, match="lies ahead"):
        call_command("demo", "--as-of", "9000-01-01")


def test_it_is_refused_in_production(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="no demo in production"):
        demo()


def test_wards_are_watched_by_a_plan_and_rules_in_force() -> None:
    plans = MonitoringPlan.objects.filter(news2_enabled=True).values_list("site__code", "setting")
    assert set(plans) == {(code, "inpatient") for code in WARDS}
    active = RiskRuleVersion.objects.filter(state="active")
    assert {version.rule.kind for version in active} == {"news2", "threshold"}
    assert {version.activated_by.username for version in active} == {"medical"}


def test_simulated_rounds_of_the_ward_are_scored() -> None:
    at = clock.now()
    handsets = hand_out(Trial.objects.get(number="EXT-301"), 10, at)
    beds = beds_of(handsets, at)
    assert {patient for patient, _token in beds} == {
        handset.patient for handset in handsets if handset.is_monitored
    }
    assert len(beds) == 4
    patient, token = beds[0]
    measured = PartialDateTime(at.isoformat(timespec="seconds"))
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="test"):
        for code, value, unit in (("spo2", 90, "%"), ("respiratory_rate", 26, "/min")):
            VitalSign.objects.create(
                patient_id=patient, code=code, value=value, unit=unit, original_value=str(value),
                original_unit=unit, measured=measured, received_at=at, originator="device",
            )  # fmt: skip
    answer = Client().post(
        f"/api/v1/patients/{patient}/observation-sets/",
        b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["eligibility"] == "eligible"
    assert beds_of(handsets, at) != []
    assert Session.objects.filter(device_id=NAME).count() == 1
