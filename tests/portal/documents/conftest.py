"""People who ask for reports, and the runner that makes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import User
from portal.core import clock
from portal.documents import store
from portal.documents.models import Report, ReportProgress
from portal.documents.runner import Runner
from portal.documents.services.reports import ask_for_report
from tests.access.world import World, make_person, make_world


@pytest.fixture
def world(transactional_db: None) -> World:
    """Trials with people."""
    world = make_world()
    make_person(world, "ana", "cra", world.sites[0])
    make_person(world, "mo", "cra", world.sites[1])
    make_person(world, "root", "system_admin")
    return world


@pytest.fixture
def ana(world: World) -> User:
    """A monitor: reads the trail of her site."""
    return world.people["ana"]


@pytest.fixture
def root(world: World) -> User:
    """An administrator."""
    return world.people["root"]


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A folder of the portal's data for each test."""
    settings.DATA_DIR = tmp_path
    yield tmp_path


def asked(by: User, kind: str = "audit_export", **parameters: Any) -> Report:
    """Ask for a report."""
    return ask_for_report(kind=kind, parameters=parameters, by=by, at=clock.now())


def run_all() -> None:
    """Let the runner do what waits."""
    runner = Runner()
    while runner.run_next():
        pass


def told(report: Report) -> list[tuple[int, str]]:
    """Return the progress of a report: numbers and kinds."""
    rows = ReportProgress.objects.filter(report=report).order_by("number")
    return list(rows.values_list("number", "kind"))


def file_of(report: Report) -> Path:
    """Return where a report's file lies."""
    return store.path_of(report.pk, report.extension)
