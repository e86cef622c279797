"""The gate says of an upload what the facts about its patient say (ADR 0011)."""

import asyncio
import random
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.db.models import F

from patients.intake.claims import bearer_of
from patients.models import (
    Consent,
    ConsentWithdrawal,
    Death,
    Patient,
    PatientProtocolVersion,
    PatientSite,
)
from portal.accounts.models import Session, User
from portal.accounts.services.devices import issue_device_token
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7_text
from portal.core.partial_dates import parse
from tests.patients.intake.gatekeeping import Owner, statements
from tests.patients.intake.phones import Client, Ward, reading, report, rows
from tests.plugins.servers import SERVERS
from trials.models import ProtocolVersion, Site

CHANGES = 45
NOW_AND_THEN = 4


class Life:
    """What happens to the ward's patient, drawn by a seed: facts past, present and to come."""

    def __init__(self, ward: Ward, seed: int) -> None:
        self.ward = ward
        self.draw = random.Random(seed)
        self.numbers = count()
        self.began = clock.now().replace(microsecond=0)
        self.phones = [ward.token]

    def time(self) -> datetime:
        """Draw an instant to the hour, so that facts meet."""
        return self.began + timedelta(hours=self.draw.randint(-480, 120))

    def go_on(self) -> None:
        """Change one fact."""
        happen = self.draw.choice(
            (
                *(self.consent, self.consent_otherwise, self.withdraw, self.withdraw),
                *(self.move, self.move, self.follow, self.take_part, self.die, self.close),
                *(self.come, self.come, self.lose, self.run_out, self.leave, self.end_all),
                *(self.mend, self.mend, self.mend),
            )
        )
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            happen()

    def consent(self) -> None:
        given = Consent.objects.filter(patient=self.ward.patient).first()
        assert given is not None
        choices = self.draw.choice([{"main": True}, {"main": "yes"}, {"main": "yes"}, {}])
        Consent.objects.create(
            patient=self.ward.patient,
            document=given.document,
            choices=choices,
            signed_at=self.time(),
        )

    def consent_otherwise(self) -> None:
        given = self.draw.choice(list(Consent.objects.filter(patient=self.ward.patient)))
        given.signed_at, given.choices = self.time(), {"main": True}
        given.save()

    def withdraw(self) -> None:
        newest_first = Consent.objects.filter(patient=self.ward.patient).order_by("-signed_at")
        given = self.draw.choice(newest_first[:2])
        ConsentWithdrawal.objects.create(
            patient=self.ward.patient,
            consent=given,
            purposes=self.draw.choice([["main"], ["genetic"]]),
            withdrawn_at=self.time(),
            recorded_by_id=SYSTEM_ACCOUNT,
        )

    def move(self) -> None:
        stays = list(PatientSite.objects.filter(patient=self.ward.patient).order_by("from_at"))
        at = self.time()
        last = stays[-1]
        if last.from_at is not None and at <= last.from_at:
            return
        last.to_at = at
        last.save()
        sites = list(Site.objects.filter(trial=self.ward.patient.trial_id))
        PatientSite.objects.create(
            patient=self.ward.patient, site=self.draw.choice(sites), from_at=at
        )
        if self.draw.random() < 0.5:
            Patient.objects.filter(pk=self.ward.patient.pk).update(site=self.draw.choice(sites))

    def follow(self) -> None:
        version = ProtocolVersion.objects.create(
            trial=self.ward.patient.trial, number=f"9.{next(self.numbers)}"
        )
        from_at, to_at = sorted((self.time(), self.time()))
        PatientProtocolVersion.objects.create(
            patient=self.ward.patient,
            protocol_version=version,
            from_at=from_at,
            to_at=self.draw.choice([to_at, None]),
        )

    def take_part(self) -> None:
        state = self.draw.choice(
            ["screening", "enrolled", "randomized", "completed", "discontinued"]
        )
        Patient.objects.filter(pk=self.ward.patient.pk).update(participation=state)

    def die(self) -> None:
        status = self.draw.choice(["dead", "alive", "alive", "alive"])
        if not Death.objects.filter(patient=self.ward.patient).exists():
            died = parse(self.time().date().isoformat())
            Death.objects.create(patient=self.ward.patient, died=died)
        Patient.objects.filter(pk=self.ward.patient.pk).update(vital_status=status)

    def close(self) -> None:
        sites = list(Site.objects.filter(trial=self.ward.patient.trial_id))
        Site.objects.filter(pk=self.draw.choice(sites).pk).update(
            closed_at=self.draw.choice([self.time(), None, None])
        )

    def come(self) -> None:
        """Give the patient a phone, once in a while somebody else's."""
        name = self.draw.choice(["phone-0", "phone-0", "phone-1"])
        account = User.objects.get(username=name)
        if account.is_active:
            token = issue_device_token(
                user=account,
                patient_id=self.ward.patient.pk,
                device_id=f"phone-{next(self.numbers)}",
                by=User.objects.get(pk=SYSTEM_ACCOUNT),
                at=clock.now() - timedelta(days=50),
                reason="test",
            )
            self.phones.append(token)

    def mend(self) -> None:
        """Take back what keeps a gate closed for long."""
        Patient.objects.filter(pk=self.ward.patient.pk).update(
            participation="enrolled", vital_status="alive"
        )
        Site.objects.filter(trial=self.ward.patient.trial_id).update(closed_at=None)
        User.objects.filter(username="phone-0").update(is_active=True)
        self.come()

    def phone(self) -> str:
        """Draw a phone, more often a new one."""
        return self.draw.choice(self.phones[-3:] + self.phones)

    def lose(self) -> None:
        """Revoke a session, or take that back."""
        lost = {
            "revoked_at": clock.now(),
            "revoked_by": SYSTEM_ACCOUNT,
            "revoked_reason": "revoked",
        }
        found = {"revoked_at": None, "revoked_by": None, "revoked_reason": ""}
        Session.objects.filter(pk=session_of(self.phone())).update(
            **self.draw.choice([lost, found])
        )

    def run_out(self) -> None:
        """Have a session end, or go on for longer."""
        left = timedelta(days=self.draw.choice([-1, 1, 30]))
        of_phone = Session.objects.filter(pk=session_of(self.phone()))
        of_phone.filter(created_at__lt=clock.now() + left).update(expires_at=clock.now() + left)

    def leave(self) -> None:
        """Deactivate the account, or more often activate it."""
        User.objects.filter(username="phone-0").update(
            is_active=self.draw.choice([True, True, False])
        )

    def end_all(self) -> None:
        """End all sessions of the account, and sometimes have one of them count again."""
        account = User.objects.filter(username="phone-0")
        account.update(session_version=F("session_version") + 1)
        if self.draw.random() < 0.7:
            Session.objects.filter(pk=session_of(self.phone())).update(
                session_version=account.get().session_version
            )

    def times(self) -> list[datetime]:
        """Draw when reports are written: at the edges of facts, beside them, and now."""
        beside = [timedelta(), timedelta(microseconds=1), -timedelta(microseconds=1)]
        drawn = [self.time() + self.draw.choice(beside) for _ in range(NOW_AND_THEN)]
        lately = clock.now() - timedelta(minutes=self.draw.randint(0, 300))
        return [*drawn, lately, clock.now()]


def session_of(token: str) -> UUID:
    return UUID(str(bearer_of(token.encode(), clock.now()).session))


async def judged(client: Client, ward: Ward, at: datetime, kind: str, token: str) -> list[Any]:
    """Return what became of a report, or of readings, from then; a gateway's is of its own site."""
    if kind == "epro-reports":
        body = report(ward.patient, authored_at=at.isoformat())
    else:
        body = {
            "submission_id": uuid7_text(clock.now()),
            "patient": str(ward.patient.pk),
            "readings": [reading(measured_at=at.isoformat())],
        }
    answer = await client.post(kind, body, token)
    table = "patients_eproreport" if kind == "epro-reports" else "patients_vitalsupload"
    found = await rows(
        "SELECT disposition, site_id, trial_id, protocol_version_id, recorded_by_id "
        f"FROM {table} WHERE submission_id = %s",
        body["submission_id"],
    )
    return [answer.status, answer.json().get("code"), *found]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_gate_judges_as_the_facts_do(
    ward: Ward, client: Client, owner: Owner, seed: int
) -> None:
    life, covered = Life(ward, seed), 0
    patient = [ward.patient.pk]

    def go_on() -> None:
        try:
            life.go_on()
        finally:
            connection.close()

    def drawn(at: datetime) -> tuple[datetime, str, str]:
        kind = life.draw.choice(("epro-reports", "epro-reports", "vitals"))
        token = life.draw.choice((*[life.phone()] * 5, ward.gateway, ward.other_token))
        return at, kind, token

    for _ in range(CHANGES):
        await asyncio.to_thread(go_on)
        sent = [drawn(at) for at in life.times()]
        by_gate = [await judged(client, ward, *one) for one in sent]
        gate = owner.execute(
            "UPDATE patients_uploadgate g SET is_open = false FROM patients_uploadgate before "
            "WHERE g.patient_id = %s AND before.patient_id = g.patient_id "
            "RETURNING before.is_open, before.from_at, before.to_at, before.sessions",
            patient,
        ).fetchone()
        assert gate is not None
        by_facts = [await judged(client, ward, *one) for one in sent]
        owner.execute("SELECT keep_upload_gates(%s)", [patient])
        assert by_gate == by_facts
        is_open, from_at, to_at, sessions = gate
        covered += is_open and sum(
            (from_at is None or from_at < at)
            and (to_at is None or at < to_at)
            and kind == "epro-reports"
            and session_of(token) in (sessions or ())
            for at, kind, token in sent
        )

    # It was the gate that judged some, and not all.
    assert 5 <= covered < CHANGES * len(sent)


def test_report_of_today_takes_one_statement_that_asks_the_gate_alone(ward: Ward) -> None:
    (only,) = statements(report(ward.patient), ward.token)

    assert "patients_uploadgate" in only
    judge = ("patients_consent", "accounts_session", "accounts_user", "trials_site")
    assert not [table for table in judge if table in only]

    long_ago = report(ward.patient, authored_at="2001-01-01T00:00:00+00:00")
    assert len(statements(long_ago, ward.token)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patients_uploadgate SET is_open = true",
        "INSERT INTO patients_uploadgate (patient_id, is_open) VALUES (gen_random_uuid(), true)",
        "DELETE FROM patients_uploadgate",
        "SELECT keep_upload_gates(ARRAY[gen_random_uuid()])",
    ],
)
def test_application_opens_no_gate_by_itself(ward: Ward, statement: str) -> None:
    url = SERVERS.postgres.url("portal_app", SERVERS.database)
    with (
        psycopg.connect(url) as application,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        application.execute(statement)  # type: ignore[call-overload]


def test_gate_is_closed_while_consent_is_withdrawn_and_after_participation(ward: Ward) -> None:
    def is_open() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT is_open FROM patients_uploadgate WHERE patient_id = %s", [ward.patient.pk]
            )
            return cursor.fetchone()

    assert is_open() == (True,)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Patient.objects.filter(pk=ward.patient.pk).update(participation="completed")
    assert is_open() == (False,)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Patient.objects.filter(pk=ward.patient.pk).update(participation="enrolled")
    assert is_open() == (True,)
    given = Consent.objects.get(patient=ward.patient)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        ConsentWithdrawal.objects.create(
            patient=ward.patient,
            consent=given,
            purposes=["main"],
            withdrawn_at=clock.now(),
            recorded_by_id=SYSTEM_ACCOUNT,
        )
    assert is_open() == (False,)
