"""Personal data that nothing else in the suite contains, and keys to seal them with."""

import base64
import hashlib
from typing import Any

from patients.models import Patient
from patients.services.identities import record_identity
from patients.services.personal_data import PersonalData
from portal.accounts.models import User
from portal.core import clock
from portal.core.partial_dates import PartialDateTime
from tests.access.world import World, make_person

CANARIES = {
    "name": "Quirina Xylander-Zhuk",
    "birth_date": "1931-07-29",
    "phone": "+33 7 93 17 55 08",
    "email": "quirina.xylander@quixotria.example",
    "hospital": "IPP-7791-QXZ-04",
    "national": "2 31 07 99 351 442",
}


def person(**changes: Any) -> PersonalData:
    """Return the personal data of Quirina, with changes."""
    values: dict[str, Any] = {
        "name": CANARIES["name"],
        "birth_date": PartialDateTime(CANARIES["birth_date"]),
        "contact": {"phone": CANARIES["phone"], "email": CANARIES["email"]},
        "identifiers": {"hospital": CANARIES["hospital"], "national": CANARIES["national"]},
    }
    return PersonalData(**values | changes)


def ring_text(*names: str) -> str:
    """Return a ring as the settings write it; a name always gives the same key."""
    keys = {name: hashlib.sha256(name.encode()).digest() for name in names}
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


def index_text(*names: str) -> str:
    """Return index keys as the settings write them."""
    return ",".join(part.partition(":")[2] for part in ring_text(*names).split(","))


def investigator(world: World, where: Any, name: str = "ines") -> User:
    """Return somebody who treats the patients of a site and needs nobody's delegation."""
    return make_person(world, name, "principal_investigator", where)


def identify(patient: Patient, by: User, **changes: Any) -> Any:
    """Record who a patient is."""
    return record_identity(patient=patient, data=person(**changes), by=by, at=clock.now())
