"""What the tests of rotated keys share: patients whose identities were sealed under an old key."""

from pytest_django import Settings

from patients.models import IdentityKey, Patient
from patients.services.identities import read_identity
from patients.services.key_rotation import rotate_keys
from patients.services.personal_data import PersonalData
from patients.vocabulary import IdentityPurpose
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, add_patient, make_world
from tests.patients.services.people import identify, index_text, investigator, ring_text

PEOPLE = 7


class Ward:
    """Patients of one site, whose identities were sealed under the key `old`."""

    def __init__(self, settings: Settings) -> None:
        settings.IDENTITY_KEYS = ring_text("old")
        settings.IDENTITY_INDEX_KEY = index_text("old")
        world = make_world()
        self.by = investigator(world, world.sites[0])
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            added = [add_patient(World(), world.sites[0], f"R-{n}") for n in range(PEOPLE - 2)]
        self.patients = [*world.patients[:2], *added]
        for number, patient in enumerate(self.patients):
            identify(patient, self.by, name=f"Person {number}")
        settings.IDENTITY_KEYS = ring_text("new", "old")

    def read(self, patient: Patient) -> PersonalData:
        return read_identity(
            patient=patient, by=self.by, at=clock.now(), purpose=IdentityPurpose.CARE
        )

    def names(self) -> list[str | None]:
        return [self.read(patient).name for patient in self.patients]


NAMES = [f"Person {number}" for number in range(PEOPLE)]


def keys_in_use() -> set[str]:
    return set(IdentityKey.objects.values_list("key_id", flat=True))


def rotate(batch: int = 3) -> list[int]:
    return [step.done for step in rotate_keys(at=clock.now(), batch=batch)]
