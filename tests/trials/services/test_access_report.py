"""Who had what access on a day, told from history; and the review of that list."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from patients.services.sharing import end_share, share_patient
from portal.access.permissions import Permission as P
from portal.access.reports import Access, Window, access_during, digest_of
from portal.accounts.models import User
from portal.accounts.services.users import deactivate_user, reactivate_user
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import BEGAN, World, make_person, make_world
from trials.models import AccessReview, Assignment, PrincipalInvestigator
from trials.services.assignments import end_assignment
from trials.services.delegations import accept_delegation, delegate_task, end_delegation
from trials.services.reviews import days, record_access_review
from trials.vocabulary import DelegatedTask, ReviewConclusion

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)
Held = tuple[UUID, str, str, UUID | None]


@pytest.fixture
def world() -> World:
    """A world whose people came, were given tasks and patients, and left again."""
    made = make_world()
    lead = make_person(made, "lead", "principal_investigator", made.sites[0])
    cora = make_person(made, "cora", "study_coordinator", made.sites[0])
    make_person(made, "manager", "data_manager", made.sponsors[0])
    make_person(made, "inspector", "inspector", None)
    make_person(made, "patient", "patient", made.patients[1])
    guest = make_person(made, "guest")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PrincipalInvestigator.objects.create(site=made.sites[0], person=lead, from_on=BEGAN.date())
    at = clock.now
    task = delegate_task(
        site=made.sites[0],
        principal_investigator=lead,
        delegate=cora,
        task=DelegatedTask.SAMPLING,
        effective_from=at() - timedelta(days=2),
        by=lead,
        at=at(),
        reason="form came by post",
    )
    accept_delegation(delegation=task, by=cora, at=at())
    share = share_patient(
        patient=made.patients[0],
        person=guest,
        permissions=[P.VITAL_SIGN_VIEW],
        to_at=at() + timedelta(days=2),
        by=lead,
        at=at(),
        reason="second opinion",
    )
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    deactivate_user(user=guest, by=system, at=at(), reason="on leave")
    reactivate_user(user=guest, by=system, at=at(), reason="back")
    end_share(share=share, by=lead, at=at(), reason="answered")
    end_delegation(delegation=task, by=lead, at=at(), reason="done")
    leaving = Assignment.objects.get(person=cora)
    end_assignment(assignment=leaving, by=system, at=at(), reason="left")
    deactivate_user(user=cora, by=system, at=at(), reason="left")
    return made


def replayed(until: datetime) -> set[Held]:
    """Say who held what at an instant by repeating the history, row by row, without the report."""
    tables = {
        "user": "accounts_userhistory",
        "assignment": "trials_assignmenthistory",
        "delegation": "trials_delegationhistory",
        "share": "patients_patientsharehistory",
        "account": "patients_patienthistory",
    }
    state: dict[tuple[str, UUID], dict[str, Any]] = {}
    with connection.cursor() as cursor:
        for kind, table in tables.items():
            cursor.execute(
                f"SELECT * FROM {table} WHERE pgh_created_at <= %s ORDER BY pgh_id", [until]
            )
            names = [column.name for column in cursor.description]
            for values in cursor.fetchall():
                row = dict(zip(names, values, strict=True))
                state[kind, row["pgh_obj_id"]] = row
                if row["pgh_label"] == "delete":
                    del state[kind, row["pgh_obj_id"]]
    active = {key for (kind, key), row in state.items() if kind == "user" and row["is_active"]}
    held = (_held(kind, key, row, until) for (kind, key), row in state.items())
    return {entry for entry in held if entry is not None and entry[0] in active}


def _held(kind: str, key: UUID, row: dict[str, Any], at: datetime) -> Held | None:
    if kind == "assignment" and row["from_at"] <= at and not _over(row["to_at"], at):
        place = row["sponsor_id"] or row["trial_id"] or row["site_id"]
        return row["person_id"], kind, row["role"], place
    if kind == "delegation" and row["accepted_at"] and not _over(row["effective_to"], at):
        counts_from = max(row["effective_from"], row["recorded_at"], row["accepted_at"])
        return (
            (row["delegate_id"], kind, row["task"], row["site_id"]) if counts_from <= at else None
        )
    if kind == "share" and row["from_at"] <= at and not _over(row["to_at"], at):
        shown = row["permissions"]
        listed = eval(shown) if isinstance(shown, str) else shown
        return row["person_id"], kind, " ".join(listed), row["patient_id"]
    if kind == "account" and row["account_id"]:
        return row["account_id"], kind, "patient", key
    return None


def _over(ends: datetime | None, at: datetime) -> bool:
    return ends is not None and ends <= at


def told(entries: tuple[Access, ...]) -> set[Held]:
    """Return the same of a report."""
    return {(e.person, e.via, e.what, e.place) for e in entries}


def moments() -> list[datetime]:
    """Return every instant at which the history of access changed."""
    found: set[datetime] = set()
    for model in (User, Assignment):
        found |= set(TRACKED[model]._default_manager.values_list("pgh_created_at", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pgh_created_at FROM trials_delegationhistory "
            "UNION SELECT pgh_created_at FROM patients_patientsharehistory"
        )
        found |= {row[0] for row in cursor.fetchall()}
    return sorted(found)


@pytest.mark.req("P27")
@pytest.mark.req("E6-01")
def test_report_of_every_moment_equals_a_replay_of_the_history(world: World) -> None:
    seen = set()
    for moment in moments():
        expected = replayed(moment)
        assert told(access_during(Window(moment, moment + INSTANT))) == expected
        seen |= {kind for _, kind, _, _ in expected}
    assert seen == {"assignment", "delegation", "share", "account"}


@pytest.mark.req("FDA-04")
def test_report_of_a_day_names_those_who_left_on_it_with_the_time(world: World) -> None:
    today = clock.now().date()
    entries = {(e.username, e.via): e for e in access_during(days(today, today))}
    assert set(entries) == {
        ("lead", "assignment"),
        ("cora", "assignment"),
        ("cora", "delegation"),
        ("guest", "share"),
        ("inspector", "assignment"),
        ("manager", "assignment"),
        ("patient", "account"),
    }
    left = entries["cora", "assignment"].window.until
    assert left is not None and left <= clock.now()
    assert entries["lead", "assignment"].window.until is None
    assert entries["cora", "assignment"].place_name == "T00 T00-0"


def test_day_before_anybody_was_recorded_shows_nobody_whatever_was_backdated(
    world: World,
) -> None:
    day = BEGAN.date() + timedelta(days=1)
    assert Assignment.objects.filter(from_at__lte=BEGAN).exists()
    assert access_during(days(day, day)) == ()


def test_report_of_a_past_moment_stays_what_it_was(world: World) -> None:
    moment = Window(clock.now(), clock.now() + INSTANT)
    before = access_during(moment)
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    person = world.people["inspector"]
    deactivate_user(user=person, by=system, at=clock.now(), reason="left")
    assert access_during(moment) == before


def test_deactivation_leaves_a_gap_in_what_was_shared(world: World) -> None:
    today = clock.now().date()
    shares = [e for e in access_during(days(today, today)) if e.via == "share"]
    first, second = (entry.window for entry in shares)
    assert first.until is not None and first.until < second.since


def test_report_of_one_trial_names_only_who_reaches_it(world: World) -> None:
    today = clock.now().date()
    other = access_during(days(today, today), world.trials[1].pk)
    assert {entry.username for entry in other} == {"inspector", "manager"}
    foreign = access_during(days(today, today), world.trials[2].pk)
    assert {entry.username for entry in foreign} == {"inspector"}


@pytest.mark.req("E6-13")
def test_review_keeps_what_was_concluded_and_the_digest_of_the_list(world: World) -> None:
    today, lead = clock.now().date(), world.people["lead"]
    review = record_access_review(
        trial=world.trials[0],
        period_from=today,
        period_to=today,
        conclusion=ReviewConclusion.CHANGES_NEEDED,
        findings="The guest's account is no longer needed.",
        by=lead,
        at=clock.now(),
        reason="quarterly review",
    )
    entries = access_during(days(today, today), world.trials[0].pk)
    assert (review.entries, review.digest) == (len(entries), digest_of(entries))
    history = TRACKED[AccessReview]._default_manager.get(pgh_obj=review.pk)
    assert (history.acted_by, history.acted_reason) == (lead.pk, "quarterly review")


def test_review_that_wants_changes_says_which_and_covers_past_days(world: World) -> None:
    today = clock.now().date()
    asked: dict[str, Any] = {
        "trial": None,
        "period_from": today,
        "period_to": today,
        "conclusion": ReviewConclusion.CHANGES_NEEDED,
        "by": world.people["lead"],
        "at": clock.now(),
    }
    with pytest.raises(InvalidInput):
        record_access_review(**asked)
    with pytest.raises(InvalidInput):
        record_access_review(**asked | {"period_to": today + timedelta(days=1), "findings": "x"})
    with pytest.raises(InvalidInput):
        record_access_review(
            **asked
            | {"period_from": today, "period_to": today - timedelta(days=1), "findings": "x"}
        )


def test_command_writes_a_file_that_no_spreadsheet_takes_for_formulas(
    world: World, tmp_path: Path
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        User.objects.filter(username="inspector").update(display_name="=HYPERLINK(0)")
    out = tmp_path / "access.csv"
    call_command("access_report", "--on", str(clock.now().date()), "--csv", str(out))
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["person"] for row in rows} >= {"lead", "cora", "guest", "inspector"}
    assert {row["name"] for row in rows if row["person"] == "inspector"} == {"'=HYPERLINK(0)"}
    assert [path.name for path in tmp_path.iterdir()] == ["access.csv"]


def test_command_tells_the_terminal_and_refuses_what_it_cannot_know(world: World) -> None:
    said = StringIO()
    today = clock.now().date()
    call_command("access_report", "--on", str(today), "--trial", "T10", stdout=said)
    assert [line.split(",")[0] for line in said.getvalue().splitlines()] == ["person", "inspector"]
    for options in (["--on", str(today + timedelta(days=1))], ["--on", "soon"],
                    ["--on", str(today), "--trial", "NONE"]):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("access_report", *options)


def test_days_are_whole_and_in_utc() -> None:
    window = days(date(2026, 2, 28), date(2026, 3, 1))
    assert window.since == datetime(2026, 2, 28, tzinfo=UTC)
    assert window.until == datetime(2026, 3, 2, tzinfo=UTC)
