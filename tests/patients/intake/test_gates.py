"""The gate says of an upload what the facts about its patient say (ADR 0011)."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection

from patients.intake.jobs import STORED
from patients.models import (
    Consent,
    ConsentWithdrawal,
    Death,
    Patient,
    PatientProtocolVersion,
    PatientSite,
)
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7_text
from portal.core.partial_dates import parse
from tests.access.world import BEGAN
from tests.patients.intake.phones import Client, Ward, reading, report, rows
from tests.patients.intake.story import job_of, tell
from tests.plugins.servers import SERVERS
from trials.models import ProtocolVersion, Site

CHANGES = 30
NOW_AND_THEN = 4
Owner = psycopg.Connection[Any]


@pytest.fixture
def owner() -> Iterator[Owner]:
    """Return a connection of the owner's, who may do what the application may not."""
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    with psycopg.connect(url, autocommit=True) as made:
        made.execute(
            "SELECT set_config('portal.actor', %s, false), "
            "set_config('portal.reason', 'test', false)",
            [str(SYSTEM_ACCOUNT)],
        )
        yield made


class Life:
    """What happens to the ward's patient, drawn by a seed: facts past, present and to come."""

    def __init__(self, ward: Ward, seed: int) -> None:
        self.ward = ward
        self.draw = random.Random(seed)
        self.numbers = count()
        self.began = clock.now().replace(microsecond=0)

    def time(self) -> datetime:
        """Draw an instant to the hour, so that facts meet."""
        return self.began + timedelta(hours=self.draw.randint(-480, 120))

    def go_on(self) -> None:
        """Change one fact."""
        happen = self.draw.choice(
            (
                *(self.consent, self.consent_otherwise, self.withdraw, self.withdraw),
                *(self.move, self.move, self.follow, self.take_part, self.die, self.close),
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
        Site.objects.filter(pk=self.ward.patient.site_id).update(
            closed_at=self.draw.choice([self.time(), None, None])
        )

    def times(self) -> list[datetime]:
        """Draw when reports are written: at the edges of facts, beside them, and now."""
        beside = [timedelta(), timedelta(microseconds=1), -timedelta(microseconds=1)]
        drawn = [self.time() + self.draw.choice(beside) for _ in range(NOW_AND_THEN)]
        lately = clock.now() - timedelta(minutes=self.draw.randint(0, 300))
        return [*drawn, lately, clock.now()]


async def judged(client: Client, ward: Ward, at: datetime, way: str) -> list[Any]:
    """Return what became of a report, or of readings, from then; a gateway's is of its own site."""
    if way == "report":
        body = report(ward.patient, authored_at=at.isoformat())
        answer = await client.post("epro-reports", body, ward.token)
    else:
        body = {
            "submission_id": uuid7_text(clock.now()),
            "patient": str(ward.patient.pk),
            "readings": [reading(measured_at=at.isoformat())],
        }
        answer = await client.post("vitals", body, getattr(ward, way))
    table = "patients_eproreport" if way == "report" else "patients_vitalsupload"
    found = await rows(
        f"SELECT disposition, site_id, trial_id, protocol_version_id FROM {table} "
        "WHERE submission_id = %s",
        body["submission_id"],
    )
    return [answer.status, *found]


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

    for _ in range(CHANGES):
        await asyncio.to_thread(go_on)
        times = life.times()
        ways = [life.draw.choice(("report", "token", "gateway", "gateway")) for _ in times]
        sent = list(zip(times, ways, strict=True))
        by_gate = [await judged(client, ward, *one) for one in sent]
        gate = owner.execute(
            "UPDATE patients_uploadgate g SET is_open = false FROM patients_uploadgate before "
            "WHERE g.patient_id = %s AND before.patient_id = g.patient_id "
            "RETURNING before.is_open, before.from_at, before.to_at",
            patient,
        ).fetchone()
        assert gate is not None
        by_facts = [await judged(client, ward, *one) for one in sent]
        owner.execute("SELECT keep_upload_gates(%s)", [patient])
        assert by_gate == by_facts
        is_open, from_at, to_at = gate
        covered += is_open and sum(
            (from_at is None or from_at < at) and (to_at is None or at < to_at) for at in times
        )

    # It was the gate that judged some, and not all.
    assert 5 <= covered < CHANGES * len(times)


def statements(body: dict[str, Any], token: str) -> list[str]:
    """Write one report; return the statements that it took."""
    job = job_of(body, token)
    told = tell([job])
    assert job.outcome is not None and job.outcome.code == STORED
    return told


def test_report_of_today_takes_one_statement_that_asks_the_gate_alone(ward: Ward) -> None:
    (only,) = statements(report(ward.patient), ward.token)

    assert "patients_uploadgate" in only
    assert "patients_consent" not in only

    long_ago = report(ward.patient, authored_at="2001-01-01T00:00:00+00:00")
    assert len(statements(long_ago, ward.token)) == 2


def test_two_who_change_facts_of_one_patient_at_once_leave_a_gate_that_knows_both(
    ward: Ward, owner: Owner
) -> None:
    patient = ward.patient.pk
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    moved = threading.Event()

    def move() -> None:
        with psycopg.connect(url, application_name="mover") as mover:
            mover.execute(
                "SELECT set_config('portal.actor', %s, true), "
                "set_config('portal.reason', 'test', true)",
                [str(SYSTEM_ACCOUNT)],
            )
            mover.execute(
                "UPDATE patients_patientsite SET from_at = from_at + interval '1 hour' "
                "WHERE patient_id = %s",
                [patient],
            )
        moved.set()

    with owner.transaction():
        owner.execute(
            "UPDATE patients_consent SET choices = '{\"main\": false}' WHERE patient_id = %s",
            [patient],
        )
        mover = threading.Thread(target=move)
        mover.start()
        until = time.monotonic() + 30
        waiting = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'mover' AND wait_event_type = 'Lock'"
        )
        # A transaction sees the activity of its beginning: another one looks.
        with psycopg.connect(url, autocommit=True) as looking:
            while looking.execute(waiting).fetchone() != (1,):
                assert time.monotonic() < until, "whoever moves the patient waits for the gate"
                time.sleep(0.01)
        assert not moved.is_set()
    mover.join()

    assert moved.is_set()
    gate = (
        "SELECT g.is_open, s.from_at FROM patients_uploadgate g "
        "JOIN patients_patientsite s USING (patient_id) WHERE g.patient_id = %s"
    )
    assert owner.execute(gate, [patient]).fetchone() == (False, BEGAN + timedelta(hours=1))


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
