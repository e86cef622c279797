"""Patients with phones, the bodies that these send, and a client without sockets."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from patients.models import (
    Consent,
    ConsentDocument,
    Device,
    DeviceAssignment,
    DiaryAssignment,
    Patient,
)
from portal import asgi
from portal.accounts.models import User, UserKind
from portal.accounts.services.devices import issue_device_token, issue_gateway_token
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.access.world import BEGAN, World, access_token, make_person, make_world
from trials.models import Instrument, Site

DEFINITION = {
    "items": [
        {"code": "pain", "type": "integer", "minimum": 0, "maximum": 10},
        {"code": "nausea", "type": "integer", "minimum": 0, "maximum": 10},
        {"code": "self_harm", "type": "boolean", "safety": True},
        {"code": "note", "type": "text"},
    ],
    "emergency": [{"country": "*", "language": "en", "text": "Call your doctor."}],
}


@dataclass
class Ward:
    """What the tests of intake need of the world."""

    world: World
    patient: Patient
    other: Patient
    elsewhere: Patient
    token: str
    other_token: str
    gateway: str
    coordinator: User
    monitor: User
    instrument: Instrument
    due: DiaryAssignment
    devices: dict[str, Device] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        """Where the patient is."""
        return self.patient.site


def make_ward() -> Ward:
    """Make it, in a database of its own."""
    world, at = make_world(), clock.now()
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    patient, other, elsewhere = world.patients[0], world.patients[1], world.patients[2]
    tokens = []
    for number, holder in enumerate((patient, other)):
        account = make_person(world, f"phone-{number}", "patient", holder)
        tokens.append(
            issue_device_token(
                user=account,
                patient_id=holder.pk,
                device_id=f"phone-{number}",
                by=system,
                at=at,
                reason="test",
            )
        )
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        gateway_account = User.objects.create(
            username="gateway", password="!", kind=UserKind.SERVICE
        )
        instrument = Instrument.objects.create(
            code="daily-diary", instrument_version="1.0", title="Diary", definition=DEFINITION
        )
        document = ConsentDocument.objects.create(
            trial=patient.trial, document_version="1", language="en", effective_on=BEGAN.date()
        )
        for holder in (patient, other):
            Consent.objects.create(
                patient=holder, document=document, choices={"main": True}, signed_at=BEGAN
            )
        due = DiaryAssignment.objects.create(
            patient=patient,
            instrument=instrument,
            local_day=at.date(),
            time_zone="UTC",
            opens_local="00:00",
            closes_local="23:59",
            opens_at=at - timedelta(hours=6),
            closes_at=at + timedelta(hours=6),
        )
        devices = {
            name: Device.objects.create(trial=patient.trial, identifier=name, kind="monitor")
            for name in ("bed-1", "bed-2", "spare")
        }
        for name, holder in (("bed-1", patient), ("bed-2", other)):
            DeviceAssignment.objects.create(
                patient=holder, device=devices[name], from_at=BEGAN, assigned_by=system
            )
    gateway = issue_gateway_token(
        user=gateway_account,
        site_id=patient.site_id,
        device_id="gateway-1",
        by=system,
        at=at,
        reason="test",
    )
    site = patient.site
    return Ward(
        world=world,
        patient=patient,
        other=other,
        elsewhere=elsewhere,
        token=tokens[0],
        other_token=tokens[1],
        gateway=gateway,
        coordinator=make_person(world, "ines", "principal_investigator", site),
        monitor=make_person(world, "cora", "cra", site),
        instrument=instrument,
        due=due,
        devices=devices,
    )


def staff_token(person: User) -> str:
    """Return an access token of a person."""
    return access_token(person)


def report(patient: Patient | UUID | str, **changes: Any) -> dict[str, Any]:
    """Return contract.md's example report, written now; None takes a member away."""
    at = clock.now()
    body: dict[str, Any] = {
        "submission_id": str(uuid7()),
        "patient": str(getattr(patient, "pk", patient)),
        "instrument": "daily-diary",
        "instrument_version": "1.0",
        "authored_at": at.isoformat(),
        "originator": "participant",
        "answers": {"pain": 3, "nausea": 1, "note": "felt dizzy"},
        "vitals": [reading(measured_at=at.isoformat())],
    }
    body.update(changes)
    return {name: value for name, value in body.items() if value is not None}


def reading(**changes: Any) -> dict[str, Any]:
    """Return one heart rate; None takes a member away."""
    body = {
        "code": "heart_rate",
        "value": 72,
        "unit": "/min",
        "measured_at": clock.now().isoformat(),
    } | changes
    return {name: value for name, value in body.items() if value is not None}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.content)


class Client:
    """Calls the outermost application as a server would."""

    async def call(
        self,
        method: str,
        path: str,
        body: Any = b"",
        token: str | None = None,
        query: str = "",
        chunks: list[bytes] | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: dict[str, str] = {"host": "localhost", "content-type": "application/json"}
        if chunks is None:
            sent["content-length"] = str(len(raw))
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        pieces = [raw] if chunks is None else list(chunks)
        messages = [
            {"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1}
            for index, piece in enumerate(pieces)
        ]
        answered: list[Mapping[str, Any]] = []

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answered.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.encode(), value.encode("latin-1"))
                for name, value in sent.items()
                if value != ""
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        await asgi.application(scope, receive, send)
        started = answered[0]
        content = b"".join(message.get("body", b"") for message in answered[1:])
        told = {name.decode().lower(): value.decode() for name, value in started["headers"]}
        return Answer(started["status"], told, content)

    async def post(self, kind: str, body: Any, token: str | None, **more: Any) -> Answer:
        """Upload."""
        return await self.call("POST", f"/api/v1/intake/{kind}/", body, token, **more)

    async def get(self, path: str, token: str | None, **more: Any) -> Answer:
        """Read."""
        return await self.call("GET", path, b"", token, content_type="", **more)


async def rows(sql: str, *parameters: Any, then: str | None = None) -> list[Any]:
    """Return the rows of a query, on a connection of its own thread that ends with it."""

    def read() -> list[Any]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                if then is not None:
                    cursor.execute(then)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    return await asyncio.to_thread(read)


def ago(**span: float) -> str:
    """Return an instant in the past, as a phone writes it."""
    at: datetime = clock.now() - timedelta(**span)
    return at.isoformat()
