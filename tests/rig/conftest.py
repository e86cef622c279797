"""The rig: one per module, since its servers and processes take seconds to start."""

import subprocess
import sys
from collections.abc import Iterator
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
for patient, token in make_cohort(sys.argv[1], int(sys.argv[2]), clock.now()):
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


def enroll(bed: Bed, count: int, number: str = "RIG-1") -> list[tuple[UUID, str]]:
    """Enroll patients by a process of their own: this one's settings are of another database."""
    done = subprocess.run(
        [sys.executable, "-c", _ENROLL, number, str(count)],
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
def nothing_armed_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop what a test has armed; what runs as ./run has it may go on."""
    yield
    if "bed" in request.fixturenames:
        request.getfixturevalue("bed").dismiss()
