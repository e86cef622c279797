"""The rig: one per module, since its servers and processes take seconds to start."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from portal.embedded.home import ROOT
from tests.rig.bed import Bed

PATIENTS = 12
_ENROLL = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import django
django.setup()
from portal.core import clock
from portal.demo.simulation.cohort import make_cohort
for patient, token in make_cohort("RIG-1", int(sys.argv[1]), clock.now()):
    print(patient, token)
"""


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Servers with enrolled patients; no program runs."""
    made = Bed(tmp_path_factory.mktemp("rig"))
    made.start_servers()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def phones(bed: Bed) -> list[tuple[UUID, str]]:
    """Patients and the tokens of their phones, one of each."""
    return enroll(bed, PATIENTS)


def enroll(bed: Bed, count: int) -> list[tuple[UUID, str]]:
    """Enroll patients by a process of their own: this one's settings are of another database."""
    done = subprocess.run(
        [sys.executable, "-c", _ENROLL, str(count)],
        env=bed.environment("command"),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [(UUID(patient), token) for patient, token in pairs]


@pytest.fixture(autouse=True)
def nothing_runs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no program of a test behind."""
    yield
    if "bed" in request.fixturenames:
        made = request.getfixturevalue("bed")
        for name in list(made.programs):
            made.kill(name)
        made.settings.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert os.access(tmp_path, os.W_OK)
    return tmp_path
