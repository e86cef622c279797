"""Make a ward in an empty portal: one site with patients and people who may watch it.

`ward.py FILE PATIENTS PEOPLE` writes JSON: site, trial, patients, and a token for each person.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from patients.models import Patient  # noqa: E402
from portal.accounts.models import SessionKind, User, UserKind  # noqa: E402
from portal.accounts.services import tokens  # noqa: E402
from portal.accounts.services.sessions import Client, open_session  # noqa: E402
from portal.accounts.services.tokens import TokenType  # noqa: E402
from portal.core import clock  # noqa: E402
from portal.core.history import acting  # noqa: E402
from portal.core.ids import SYSTEM_ACCOUNT  # noqa: E402
from portal.demo.simulation.cohort import SITES, make_cohort  # noqa: E402
from trials.models import Site  # noqa: E402
from trials.services.assignments import assign_role  # noqa: E402

LIFETIME = timedelta(hours=12)


def make(patients: int, people: int) -> dict[str, Any]:
    """Make everything and return what the benchmark needs to know."""
    at = clock.now()
    phones = make_cohort("LIVE-1", patients * SITES, at)
    site = Site.objects.order_by("code")[0]
    watched = Patient.objects.filter(site=site).order_by("pk")
    return {
        "site": str(site.pk),
        "trial": str(site.trial_id),
        "patients": [str(pk) for pk in watched.values_list("pk", flat=True)],
        "phones": [(str(patient), token) for patient, token in phones],
        "watchers": [_person(f"watcher{n}", "doctor", site) for n in range(people)],
        "physician": _person("physician", "principal_investigator", site),
        "cras": [_person(f"cra{n}", "cra", site) for n in range(5)],
    }


def _person(name: str, role: str, site: Site) -> dict[str, str]:
    at, system = clock.now(), User.objects.get(pk=SYSTEM_ACCOUNT)
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="benchmark"):
        person = User.objects.create(username=name, password="!", kind=UserKind.PERSON)
    assign_role(person=person, role=role, where=site, from_at=at, by=system, at=at)
    person.refresh_from_db()
    with acting(by=person, at=at, reason="benchmark"):
        session = open_session(user=person, kind=SessionKind.WEB, client=Client(), at=at)
    token = tokens.make(
        TokenType.ACCESS,
        user=person.pk,
        session=session.pk,
        issued_at=at,
        expires_at=at + LIFETIME,
    )
    return {"id": str(person.pk), "token": token}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(make(int(sys.argv[2]), int(sys.argv[3]))))
