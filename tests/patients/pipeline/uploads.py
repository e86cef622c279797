"""Uploads as intake stores them, for one trial with its diary."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from patients.models import Alert, EproReport, RiskRule, RiskRuleVersion, VitalsUpload
from patients.pipeline import chunk
from portal.core.history import Source, acting
from portal.core.ids import INTAKE_ACCOUNT, SYSTEM_ACCOUNT, uuid7
from tests.access.world import World, make_world
from trials.models import Instrument

# Near enough to the clock for nothing to be ahead of it, far enough for a day of readings.
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DEFINITION = {
    "items": [
        {"code": "pain", "type": "integer", "minimum": 0, "maximum": 10},
        {"code": "nausea", "type": "integer", "minimum": 0, "maximum": 10},
        {"code": "fatigue", "type": "integer", "minimum": 0, "maximum": 10},
        {"code": "self_harm", "type": "integer", "minimum": 0, "maximum": 4, "safety": True},
        {"code": "note", "type": "text", "required": False},
    ],
    "scores": [{"name": "burden", "algorithm": "sum", "items": ["pain", "nausea", "fatigue"]}],
    "emergency": [{"country": "*", "language": "en", "text": "Call the emergency number."}],
}
ANSWERS = {"pain": 3, "nausea": 1, "fatigue": 2, "self_harm": 0}


@dataclass
class Ward:
    """A world with a diary, and how to upload to it."""

    world: World
    diary: Instrument
    rules: dict[str, RiskRuleVersion] = field(default_factory=dict)

    @property
    def patient(self) -> Any:
        """The first patient."""
        return self.world.patients[0]

    def report(self, at: datetime = NOW, *, patient: Any = None, **body: Any) -> EproReport:
        """Store a diary report written at `at`; `body` changes what is sent, `_column` the row."""
        patient = patient or self.patient
        columns = {name[1:]: body.pop(name) for name in list(body) if name.startswith("_")}
        sent = {
            "submission_id": str(uuid7()),
            "patient": str(patient.pk),
            "instrument": self.diary.code,
            "instrument_version": self.diary.instrument_version,
            "authored_at": at.isoformat(),
            "answers": ANSWERS,
            **body,
        }
        raw = columns.pop("raw", None) or json.dumps(sent).encode()
        row = {
            "patient": patient,
            "site_id": patient.site_id,
            "submission_id": sent["submission_id"],
            "instrument_code": sent["instrument"],
            "instrument_version": sent["instrument_version"],
            "instrument": self.diary,
            "authored_at": at,
            "received_at": at + timedelta(seconds=2),
            "raw": raw,
            "digest": hashlib.sha256(raw).digest(),
            **columns,
        }
        with acting(by=INTAKE_ACCOUNT, source=Source.INTAKE):
            return EproReport.objects.create(**row)

    def vitals(self, readings: list[dict[str, Any]], *, patient: Any = None) -> VitalsUpload:
        """Store an upload of readings."""
        patient = patient or self.patient
        first = min(datetime.fromisoformat(one["measured_at"]) for one in readings)
        sent = {"submission_id": str(uuid7()), "patient": str(patient.pk), "readings": readings}
        raw = json.dumps(sent).encode()
        with acting(by=INTAKE_ACCOUNT, source=Source.INTAKE):
            return VitalsUpload.objects.create(
                patient=patient,
                site_id=patient.site_id,
                submission_id=sent["submission_id"],
                authored_at=first,
                received_at=first + timedelta(seconds=2),
                raw=raw,
                digest=hashlib.sha256(raw).digest(),
            )

    def patient_alerts(self) -> list[Alert]:
        """Return the alerts of the first patient, in the order in which they were raised."""
        return list(
            Alert.objects.filter(patient=self.patient)
            .exclude(rule__code="world")
            .order_by("raised_at", "kind")
        )

    def rule(self, kind: str, name: str = "", **parameters: Any) -> RiskRuleVersion:
        """Put a rule into force, as after its dry run."""
        values = {"acknowledge_within_minutes": 30, **parameters}
        trial = self.patient.trial_id
        name = name or kind
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            rule = RiskRule.objects.create(trial_id=trial, code=name, name=name, kind=kind)
            version = RiskRuleVersion.objects.create(
                trial_id=trial,
                rule=rule,
                number=1,
                parameters=values,
                state="active",
                tried_at=NOW,
                activated_at=NOW,
                activated_by_id=SYSTEM_ACCOUNT,
                evaluates_from=datetime(2026, 1, 1, tzinfo=UTC),
            )
        self.rules[name] = version
        return version


def make_ward() -> Ward:
    """Make the world and its diary."""
    world = make_world()
    return Ward(world, store_version("1.0"))


def store_version(version: str) -> Instrument:
    """Import a version of the diary."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        return Instrument.objects.create(
            code="daily-diary", instrument_version=version, title="Diary", definition=DEFINITION
        )


def reading(code: str, value: Any, unit: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Return a reading as it is sent."""
    return {"code": code, "value": value, "unit": unit, "measured_at": at.isoformat(), **more}


def pulse(value: Any, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """Return a heart rate as it is sent."""
    return reading("heart_rate", value, "/min", at, **more)


def run(*uploads: EproReport | VitalsUpload) -> None:
    """Process uploads in one chunk, as the handler does."""
    for resource, model in (("epro_report", EproReport), ("vitals_upload", VitalsUpload)):
        some = [one for one in uploads if isinstance(one, model)]
        if some:
            patients: set[UUID] = {one.patient_id for one in some}
            chunk.process(resource, patients, [one.pk for one in some])


__all__ = ["ANSWERS", "NOW", "Ward", "make_ward", "pulse", "reading", "run", "store_version"]
