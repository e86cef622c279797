"""A database whose trail was sealed several times, shared by the tests that tamper with it."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict
from pytest_django import DjangoDbBlocker

from events.models import AdverseEvent
from patients.models import (
    ProtectedSourceRecord,
    SourceFile,
    SourceRecord,
    VitalSample,
    VitalSign,
)
from portal.access.unblinded import unblinded
from portal.audit.record import Action, record
from portal.audit.sealing import seal_all
from portal.audit.witness import FileWitness
from portal.core import clock
from portal.core.bulk import copy_in
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_vital, make_world

TRAIL = "portal_trail"


@pytest.fixture
def witness(tmp_path: Path, settings: Any) -> FileWitness:
    """The one witness of this test."""
    path = tmp_path / "witness" / "seals.jsonl"
    settings.AUDIT_WITNESSES = [str(path)]
    return FileWitness(path)


def write_some(world: World, rng: Random) -> None:
    """Write a few rows as people do: new readings, corrections, views."""
    patient = rng.choice(world.patients)
    with acting(by=SYSTEM_ACCOUNT, reason="correction"):
        for _ in range(rng.randint(1, 4)):
            make_vital(patient, value=str(rng.randint(360, 400) / 10))
        VitalSign.objects.filter(pk=rng.choice(world.vitals).pk).update(value=rng.randint(36, 41))
        AdverseEvent.objects.filter(pk=rng.choice(world.adverse_events).pk).update(
            term=rng.choice(["HEADACHE", "NAUSEA", "RASH"])
        )
        record(
            Action.VIEWED,
            by=SYSTEM_ACCOUNT,
            at=clock.now(),
            resource="patient",
            record_id=patient.pk,
            detail={"fields": ["usubjid"]},
        )


def write_once(world: World, rng: Random) -> None:
    """Write rows that are their own history: of a file, of its protected part, of a monitor."""
    patient, at = rng.choice(world.patients), clock.now()
    place = {"trial_id": patient.trial_id, "patient": patient, "site_id": patient.site_id}
    with acting(by=SYSTEM_ACCOUNT, reason="import"):
        file = SourceFile.objects.create(
            trial_id=patient.trial_id, name=f"vs-{rng.random()}.xpt", digest="0" * 64,
            folder_digest="0" * 64, dataset="VS", row_count=2,
        )  # fmt: skip
        copy_in(
            SourceRecord,
            [
                {"file_id": file.pk, "row_number": row, "variables": {"VSORRES": "37.5"}}
                | {"trial_id": patient.trial_id, "patient_id": patient.pk}
                for row in (1, 2)
            ],
        )
        with unblinded():
            ProtectedSourceRecord.objects.create(
                file=file, row_number=1, variables={"ARMCD": "ZQX7"}, **place
            )
        VitalSample.objects.create(
            code="heart_rate", value=rng.randint(50, 90), measured_at=at, received_at=at, **place
        )


def superuser(database: str) -> dict[str, Any]:
    """Return what makes Django's connection the superuser's, on a database."""
    from tests.plugins.servers import SERVERS

    parts = conninfo_to_dict(SERVERS.postgres.url("postgres", database))
    return {"NAME": database, "USER": parts["user"], "HOST": parts["host"]}


class Trail:
    """A sealed database and a copy of what its witness knew."""

    def __init__(self, anchor: Path) -> None:
        self.anchor = anchor
        self.database = TRAIL
        self.world = World()

    def build(self, rng: Random) -> None:
        """Write and seal, eight times."""
        self.world = make_world()
        for _ in range(8):
            write_some(self.world, rng)
            write_once(self.world, rng)
            assert seal_all(seconds=60)


@pytest.fixture(scope="session")
def built_trail(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trail:
    """Build the database once a run, connected as the application's role."""
    from django.conf import settings

    from tests.plugins.databases import fresh_database

    trail = Trail(tmp_path_factory.mktemp("trail") / "seals.jsonl")
    settings.AUDIT_WITNESSES = [str(trail.anchor)]
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        fresh_database(trail.database)
        connection.settings_dict["NAME"] = trail.database
        try:
            trail.build(Random(20260105))
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            settings.AUDIT_WITNESSES = []
    return trail


@pytest.fixture
def trail(built_trail: Trail, django_db_blocker: DjangoDbBlocker) -> Iterator[Trail]:
    """The sealed database, entered by its superuser, who sees his own uncommitted deeds."""
    before = dict(connection.settings_dict)
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict.update(superuser(built_trail.database))
        try:
            yield built_trail
        finally:
            connection.close()
            connection.settings_dict.update(before)


def other_connection(*, owner: bool = False) -> "psycopg.Connection[Any]":
    """Return a second connection to this test's database: the application's, or its owner's."""
    from tests.plugins.servers import SERVERS

    role = "portal_owner" if owner else "portal_app"
    return psycopg.connect(SERVERS.postgres.url(role, connection.settings_dict["NAME"]))
