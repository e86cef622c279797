"""A small world for the desk's tests: two trials, three sites, four patients, a person per role."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from events.models import AdverseEvent
from patients.models import Allocation, DataFinding, Patient, PatientSite, VitalSign
from portal.access.grants import Grant, rebuild
from portal.access.roles import ROLES
from portal.accounts.desk_sessions import SESSION_KEY
from portal.accounts.models import SessionKind, User
from portal.accounts.services.sessions import Client as Program
from portal.accounts.services.sessions import open_session
from portal.core.clock import now
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from trials.models import Arm, Institution, ProtocolVersion, Site, Sponsor, Trial

PASSWORD = "a long enough phrase"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """Everything by a short name."""

    trials: list[Trial] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    patients: list[Patient] = field(default_factory=list)
    held: dict[Any, list[Grant]] = field(default_factory=dict)

    def person(self, role: str, anchor: str = "portal", anchor_id: Any = None) -> User:
        """Return a new person who holds `role` on an anchor."""
        name = f"{role}-{User.objects.count()}"
        with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
            user = User.objects.create(username=name, is_staff=True)
        return self.also(user, role, anchor, anchor_id)

    def also(self, user: User, role: str, anchor: str, anchor_id: Any = None) -> User:
        """Let `user` hold `role` on an anchor too."""
        held = self.held.setdefault(user.pk, [])
        held.append(Grant(user.pk, ROLES[role].permissions, anchor, anchor_id, START))
        with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
            rebuild(held, frozenset([user.pk]), now())
        return user


def build(visits: int = 1) -> World:
    """Make trial 1 with sites 1 and 2, trial 2 with site 3; two patients at site 1, else one."""
    world = World()
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        for number in (1, 2):
            sponsor = Sponsor.objects.create(name=f"Sponsor {number}")
            world.trials.append(
                Trial.objects.create(
                    sponsor=sponsor,
                    number=f"T-{number}",
                    title=f"Trial {number}",
                    blinding="double",
                )
            )
        hospital = Institution.objects.create(name="General Hospital", country="FRA")
        for index, trial in enumerate((world.trials[0], world.trials[0], world.trials[1]), 1):
            world.sites.append(
                Site.objects.create(trial=trial, institution=hospital, code=f"S{index}")
            )
        version = ProtocolVersion.objects.create(trial=world.trials[0], number="1.0")
        arm = Arm.objects.create(
            trial=world.trials[0],
            protocol_version=version,
            oid="ARM.A",
            code="A",
            name="ARM-ZQX7",
            ordinal=1,
        )
        for index, site in enumerate((world.sites[0], *world.sites), 1):
            world.patients.append(add_patient(site, f"P-{index:03}", visits))
    from portal.access.unblinded import unblinded

    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"), unblinded():
        Allocation.objects.create(patient=world.patients[0], planned_arm=arm, planned_code="ZQX7")
    return world


def add_patient(site: Site, subject_number: str, readings: int = 1) -> Patient:
    """Make a patient at `site` with readings, an adverse event and a finding."""
    patient = Patient.objects.create(
        trial=site.trial,
        site=site,
        subject_number=subject_number,
        usubjid=f"{site.trial.number}-{subject_number}",
        sex="F",
        age=63,
    )
    PatientSite.objects.create(patient=patient, site=site)
    for index in range(readings):
        VitalSign.objects.create(
            patient=patient,
            site=site,
            code="systolic_bp",
            original_value="120",
            original_unit="mmHg",
            value=120 + index,
            unit="mm[Hg]",
            measured=PartialDateTime("2013-05-17"),
            received_at=now(),
        )
    AdverseEvent.objects.create(
        patient=patient,
        site=site,
        number=1,
        term="RASH",
        coded_term="Rash",
        onset=PartialDateTime("2013-05"),
        hospitalization="yes",
        serious_as_reported="no",
    )
    DataFinding.objects.create(
        patient=patient,
        trial=site.trial,
        site=site,
        rule="seriousness_contradiction",
        severity="safety",
        owner_role="safety_officer",
        message="A criterion is given while the event is reported as not serious.",
    )
    return patient


def signed_in(user: User) -> Client:
    """Return a browser in which `user` has signed in at the desk."""
    client = Client()
    client.force_login(user, "portal.accounts.backends.PortalBackend")
    with acting(by=user, reason="sign in"):
        session = open_session(user=user, kind=SessionKind.DESK, client=Program(), at=now())
    store = client.session
    store[SESSION_KEY] = str(session.pk)
    store.save()
    return client


def rows_shown(response: Any) -> Iterable[str]:
    """Return the text of the rows that a list shows."""
    return [str(row) for row in response.context["cl"].result_list]
