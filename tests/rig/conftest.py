"""The rig: one for all its tests, since its servers and processes take seconds to start."""

from collections.abc import Generator, Iterator
from uuid import UUID

import pytest

from tests.rig.bed import Bed

PATIENTS = 12
_ENROLL = """
from portal.demo.simulation.cohort import make_cohort
for patient, token in make_cohort(sys.argv[1], int(sys.argv[2]), clock.now()):
    print(patient, token)
"""


_STAFF = """
from patients.models import Patient
from tests.access.world import World, access_token, make_person
from datetime import timedelta
patient = Patient.objects.select_related("site").get(pk=sys.argv[1])
found = make_person(World(), "ines", "principal_investigator", patient.site)
print(access_token(found, lifetime=timedelta(hours=1)))
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
    """Enroll patients, each with a phone."""
    pairs = [line.split() for line in bed.run_script(_ENROLL, number, str(count))]
    return [(UUID(patient), token) for patient, token in pairs]


@pytest.fixture(scope="session")
def staff(bed: Bed, phones: list[tuple[UUID, str]]) -> str:
    """The token of the investigator at the first patient's site."""
    return staff_of(bed, phones[0][0])


def staff_of(bed: Bed, patient: UUID) -> str:
    """Make the investigator of a patient's site; return a token."""
    (token,) = bed.run_script(_STAFF, str(patient))
    return token


_CRA = """
from patients.models import Patient
from tests.access.world import World, access_token, make_person
from datetime import timedelta
patient = Patient.objects.select_related("site").get(pk=sys.argv[1])
found = make_person(World(), "cleo", "cra", patient.site, email="cleo@cro.example")
print(found.pk, access_token(found, lifetime=timedelta(hours=4)))
"""


@pytest.fixture(scope="session")
def cra(bed: Bed, phones: list[tuple[UUID, str]]) -> tuple[str, str]:
    """The CRA of the first patient's site, who is told of serious events: key and token."""
    (line,) = bed.run_script(_CRA, str(phones[0][0]))
    key, token = line.split()
    return key, token


@pytest.fixture(autouse=True)
def nothing_armed_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop what a test has armed; what runs as ./run has it may go on."""
    bed = request.getfixturevalue("bed") if "bed" in request.fixturenames else None
    if bed is not None:
        bed.begin()
    yield
    if bed is not None:
        bed.dismiss()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport]:
    """Show with a test that failed what the programs had to say meanwhile."""
    report = yield
    if report.failed:
        for held in getattr(item, "funcargs", {}).values():
            if isinstance(held, Bed):
                report.sections += held.logged().items()
    return report
