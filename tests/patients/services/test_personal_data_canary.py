"""Personal data stand nowhere in clear: not in the database, its dump, logs, entries or tasks."""

import base64
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client as Browser
from pytest_django import Settings

from patients.models import Identity
from patients.services.identities import (
    amend_identity,
    find_by_identifier,
    find_by_name,
    read_identity,
)
from patients.services.key_rotation import rotate_keys
from patients.vocabulary import IdentityPurpose
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.sealed import normalized
from portal.documents.runner import Runner
from portal.documents.services.reports import ask_for_report
from portal.embedded.postgres import find_binaries
from portal.notices.channels.email import compose
from portal.notices.channels.push import payload
from portal.notices.kinds import NoticeKind
from portal.notices.services import posting
from portal.notices.services import telling as notices
from portal.notices.services.telling import About
from portal.ops import broker
from tests.access.world import World, bearer, make_world
from tests.patients.services.people import (
    CANARIES,
    identify,
    index_text,
    investigator,
    person,
    ring_text,
)

AMENDED = "Quirina Sparrowhawkez"


def needles() -> dict[bytes, str]:
    """Return every form in which a canary could be written down, and whose it is."""
    forms: dict[bytes, str] = {}
    for name, text in {**CANARIES, "amended": AMENDED}.items():
        for written in (text, text.upper(), normalized(text), text.replace(" ", "")):
            raw = written.encode()
            for form in (raw, raw.hex().encode(), base64.b64encode(raw)[:-4], raw[::-1]):
                forms[form] = name
        forms.update({word.encode(): name for word in re.findall(r"[A-Za-z]{6,}", text)})
    del forms[b"example"]
    return forms


def found_in(data: bytes) -> set[str]:
    """Return the names of the canaries that stand in `data`."""
    lowered = data.lower()
    return {name for form, name in needles().items() if form.lower() in lowered}


def live_through_everything(world: World, settings: Settings) -> None:
    """Record, amend, read, find, fail and rotate, as people and programs do."""
    settings.IDENTITY_KEYS = ring_text("old")
    settings.IDENTITY_INDEX_KEY = index_text("old")
    patient, other = world.patients[:2]
    ines = investigator(world, world.sites[0])
    at = clock.now()
    identify(patient, ines)
    identify(other, ines)
    amend_identity(patient=patient, changes={"name": AMENDED}, by=ines, at=at, reason="married")
    read_identity(patient=patient, by=ines, at=at, purpose=IdentityPurpose.CARE)
    assert find_by_name(name=CANARIES["name"], by=ines, at=at) == [other]
    assert find_by_identifier(identifier=CANARIES["national"], by=ines, at=at)
    refusals: list[Any] = [
        lambda: identify(patient, ines),
        lambda: identify(world.patients[4], ines),
        lambda: identify(patient, ines, contact={"phone": CANARIES["phone"] * 100}),
        lambda: amend_identity(patient=other, changes={"nickname": CANARIES["name"]}, by=ines,
                               at=at, reason="x"),
    ]  # fmt: skip
    for refused in refusals:
        with pytest.raises(DomainError):
            tell(refused)
    with pytest.raises(DatabaseError), acting(by=SYSTEM_ACCOUNT, reason="x"):
        tell(lambda: Identity.objects.update(name=CANARIES["name"].encode()))
    settings.IDENTITY_KEYS = ring_text("new", "old")
    settings.IDENTITY_INDEX_KEY = index_text("new", "old")
    for _ in rotate_keys(at=at, batch=1):
        pass


def told_to_people(world: World) -> dict[str, bytes]:
    """Return what leaves the portal about those patients: letters, push messages, a document."""
    ines, patient = world.people["ines"], world.patients[0]
    about = About(
        resource="patient",
        record=patient.pk,
        trial=patient.trial_id,
        site=patient.site_id,
        patient=patient.pk,
        subject_number=patient.subject_number,
        number="1",
    )
    for kind in NoticeKind:
        notices.tell(kind=kind, about=about, people=[ines.pk], at=clock.now())
    told = {}
    while bundles := posting._take(clock.now() + timedelta(days=2), ()):
        for bundle in bundles:
            mail = compose(bundle.letter, "ines@hospital.example").message()
            told[f"mail {bundle.letter.id}"] = mail.as_bytes() + bundle.letter.body.encode()
            told[f"push {bundle.letter.id}"] = payload(bundle.letter)
    report = ask_for_report(
        kind="audit_export", parameters={"format": "ndjson"}, by=ines, at=clock.now()
    )
    assert Runner().run_next()
    headers = bearer(ines)
    answer = Browser().get(f"/api/v1/reports/{report.pk}/file/", headers=headers)
    told["file"] = b"".join(answer.streaming_content)
    told["headers of the file"] = str(answer.headers).encode()
    told["inbox"] = Browser().get("/api/v1/notifications/", headers=headers).content
    stored = [str(path.relative_to(settings.DATA_DIR)) for path in settings.DATA_DIR.rglob("*")]
    told["names of files"] = "\n".join(stored).encode()
    return told


def tell(act: Any) -> None:
    """Do something that fails, and log the failure as the portal does."""
    try:
        act()
    except Exception:
        logging.getLogger("portal.test").exception("request_failed")
        raise


def every_value() -> dict[str, bytes]:
    """Return the content of each column of each table that this role reads, as bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped "
            "AND n.nspname IN ('public', 'identity', 'audit') "
            "AND has_table_privilege(c.oid, 'SELECT')"
        )
        columns = cursor.fetchall()
        values = {}
        for schema, table, column in columns:
            cursor.execute(f'SELECT "{column}" FROM "{schema}"."{table}" WHERE "{column}" NOTNULL')
            values[f"{schema}.{table}.{column}"] = b"\n".join(
                part for (value,) in cursor.fetchall() for part in as_bytes(value)
            )
    return values


def as_bytes(value: Any) -> list[bytes]:
    if isinstance(value, list):
        return [part for item in value for part in as_bytes(item)]
    return [bytes(value) if isinstance(value, memoryview | bytes) else str(value).encode()]


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the portal's own handler writes meanwhile, down to the least important."""
    root = logging.getLogger()
    [handler] = [h for h in root.handlers if h.get_name() == "standard_output"]
    assert isinstance(handler, logging.StreamHandler)
    text, level = StringIO(), root.level
    before = handler.setStream(text)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    handler.setStream(before)


@pytest.mark.req("PV-01")
@pytest.mark.django_db(transaction=True)
def test_canaries_stand_nowhere_in_clear(
    settings: Settings, logged: StringIO, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    world = make_world()
    live_through_everything(world, settings)
    told = told_to_people(world)

    values = every_value()
    assert len(values) > 500
    assert values["identity.patients_identity.name"]
    assert values["audit.patients_identityhistory.name"]
    assert "audit.patients_identityhistory.name_index" not in values
    assert "audit.patients_identitykeyhistory.person_key" not in values
    assert {place: found_in(data) for place, data in values.items() if found_in(data)} == {}
    assert found_in(dump()) == set()
    assert logged.getvalue().count('"event": "request_failed"') == 5
    assert found_in(logged.getvalue().encode()) == set()
    assert found_in(broker_content()) == set()
    assert len(told) > 2 * len(NoticeKind)
    assert b"reports/" in told["names of files"]
    assert world.patients[0].subject_number.encode() in b"".join(told.values())
    assert {what: found_in(data) for what, data in told.items() if found_in(data)} == {}
    out = StringIO()
    call_command("rotate_keys", stdout=out, stderr=out)
    assert found_in(out.getvalue().encode()) == set()


def dump() -> bytes:
    """Return a dump of the whole database, as a backup would hold it; nothing without pg_dump."""
    program = find_binaries() / "pg_dump"
    if not program.exists():
        return b""
    return subprocess.run(
        [program, "--dbname", os.environ["DATABASE_OWNER_URL"]], check=True, capture_output=True
    ).stdout


def broker_content() -> bytes:
    """Return every key and value of the broker: tasks, their arguments, results."""
    content = b""
    with broker.client() as valkey:
        for key in valkey.scan_iter():
            content += key + (valkey.dump(key) or b"")
    return content


def test_a_canary_in_clear_is_found() -> None:
    """The search itself is tried on what it must find."""
    for name, text in CANARIES.items():
        for planted in (text.encode(), text.upper().encode(), text.encode().hex().encode()):
            assert name in found_in(b"COPY x FROM stdin;\n1\t" + planted + b"\tx\n")
    assert found_in(repr(person()).encode()) == set()
