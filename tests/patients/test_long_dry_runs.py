"""A dry run over a large trial goes on in the background, where its page shows how far it is."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from patients.models import RiskRuleDryRun, RiskRuleVersion
from patients.services import dry_runs
from patients.services.risk_rules import start_rule
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.documents.models import Report
from portal.documents.runner import Runner
from portal.documents.services.reports import ask_for_report
from tests.access.world import World, make_person, make_world
from tests.portal.desk.test_lists import address
from tests.portal.desk.world import signed_in

WHY = {"change_reason": "asked for by the safety board"}


@pytest.fixture
def world(
    transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Trials with more patients than are tried at once."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(dry_runs, "MOST_AT_ONCE", 3)
    return make_world()


@pytest.fixture
def monitor(world: World) -> User:
    return make_person(world, "mo", "medical_monitor", world.trials[0])


@pytest.fixture
def version(world: World, monitor: User) -> RiskRuleVersion:
    return start_rule(
        trial=world.trials[0],
        proposal="fever",
        code="fever",
        name="Fever",
        by=monitor,
        at=clock.now(),
        reason="asked for by the safety board",
    )


@pytest.fixture
def desk(monitor: User) -> Client:
    return signed_in(monitor)


def take(desk: Client, version: RiskRuleVersion, step: str) -> None:
    page = address(RiskRuleVersion, "change", version.pk)
    form = desk.get(page).context["adminform"].form
    held = {name: form.initial.get(name, field.initial) for name, field in form.fields.items()}
    said = {n: value for n, value in held.items() if value is not None and value is not False}
    assert desk.post(page, said | WHY | {"step": step}).status_code == 302


def test_its_page_shows_how_far_it_is(desk: Client, version: RiskRuleVersion) -> None:
    take(desk, version, "try")
    page = desk.get(address(RiskRuleVersion, "change", version.pk)).content.decode()
    assert "0 of 4 patients" in page
    assert Runner().run_next()
    report, run = Report.objects.get(), RiskRuleDryRun.objects.get()
    assert (report.state, report.failure_code) == ("finished", "")
    assert (run.state, run.patients_done) == ("finished", 4)
    version.refresh_from_db()
    assert version.state == "dry_run"


def test_it_is_stopped_from_its_page(desk: Client, version: RiskRuleVersion) -> None:
    take(desk, version, "try")
    take(desk, version, "stop")
    assert Runner().run_next()
    assert RiskRuleDryRun.objects.get().state == "canceled"
    version.refresh_from_db()
    assert version.state == "draft"


def test_what_was_interrupted_begins_anew(
    desk: Client, monitor: User, version: RiskRuleVersion
) -> None:
    take(desk, version, "try")
    with acting(by=monitor, reason="test"):
        RiskRuleDryRun.objects.update(patients_done=2, observations=7)
    assert Runner().run_next()
    run = RiskRuleDryRun.objects.get()
    assert (run.patients_done, run.observations) == (4, 4)


def test_a_version_out_of_scope_is_not_there(world: World, version: RiskRuleVersion) -> None:
    other = make_person(world, "max", "trial_manager", world.trials[1])
    ask_for_report(
        kind=dry_runs.REPORT_KIND,
        parameters={"version": str(version.pk)},
        by=other,
        at=clock.now(),
    )
    assert Runner().run_next()
    assert Report.objects.get().failure_code == "not_found"
    assert not RiskRuleDryRun.objects.exists()
