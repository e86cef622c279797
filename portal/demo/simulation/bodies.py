"""The bodies that a phone or a bedside monitor sends, as contract.md has them.

Pure: seed, patient, number and time give the body, and the same ones give the same bytes.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from patients.vocabulary import CONTINUOUS
from portal.core.ids import seeded_uuid7
from portal.demo.generator.design import DIARY_SCALES, SAFETY_ITEM
from portal.demo.generator.draws import Draws, clamp
from portal.demo.generator.times import zone_of
from portal.demo.generator.vitals import AT_HOME, CODES, IN_HOSPITAL
from portal.demo.simulation.course import Course, course_of
from portal.demo.simulation.outbox import Upload
from portal.demo.simulation.phone import REPORTS, VITALS

DIARY_EVERY = 8  # of the uploads of one patient
_OXYGEN_BELOW = 92
_CONFUSED_ABOVE = 0.9  # of a spell of a serious illness
# What a bedside monitor measures each second; the rest is measured at rounds.
BY_THE_SECOND = ("heart_rate", "spo2", "respiratory_rate")
_STEADY = 0.4  # of a reading's usual spread: how much one second differs from the next
_PROBE_OFF = 0.004
_NOTES = ("felt dizzy after lunch", "slept badly, noisy street", "Went for a long walk today.")


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one patient's uploads, one after the other."""

    seed: int
    patient: UUID
    begins: datetime
    course: Course
    is_monitored: bool

    def upload(self, number: int, at: datetime) -> Upload:
        """Return the `number`-th upload, written at `at`."""
        draws = Draws("upload", self.seed, self.patient, number)
        second = (at - self.begins).total_seconds()
        if number % DIARY_EVERY == 0:
            return self._upload(REPORTS, number, at, self._report(draws, at, second))
        return self._upload(VITALS, number, at, {"readings": self._readings(draws, at, second)})

    def samples(self, number: int, first: datetime, seconds: int) -> Upload:
        """Return the `number`-th upload of the bedside monitor: so many seconds from `first` on."""
        draws = Draws("monitor", self.seed, self.patient, number)
        readings = [
            self._sample(draws, code, first + timedelta(seconds=second))
            for second in range(seconds)
            for code in BY_THE_SECOND
        ]
        key = seeded_uuid7(first, "monitor", self.seed, self.patient, number)
        return self._made(VITALS, key, {"readings": readings})

    def _sample(self, draws: Draws, code: str, at: datetime) -> dict[str, Any]:
        unit, _decimals, spread, low, high = CODES[code]
        usual = self.course.reading(code, at, (at - self.begins).total_seconds())
        value = round(clamp(draws.normal(usual, spread * _STEADY), low, high))
        is_off = draws.chance(_PROBE_OFF)
        return {
            "code": code,
            "value": 0 if is_off else value,
            "unit": unit,
            "measured_at": self._local(at),
            "method": CONTINUOUS,
            "originator": "device",
            **({"status": "artifact"} if is_off else {}),
        }

    def _upload(self, path: str, number: int, at: datetime, said: dict[str, Any]) -> Upload:
        key = seeded_uuid7(at, "simulation", self.seed, self.patient, number)
        return self._made(path, key, said)

    def _made(self, path: str, key: UUID, said: dict[str, Any]) -> Upload:
        body = {"submission_id": str(key), "patient": str(self.patient), **said}
        return Upload(key, path, json.dumps(body, separators=(",", ":")).encode())

    def _report(self, draws: Draws, at: datetime, second: float) -> dict[str, Any]:
        answers: dict[str, Any] = {SAFETY_ITEM: draws.chance(0.002)}
        for item, (low, high, _bad, _label) in DIARY_SCALES.items():
            drawn = draws.normal(self.course.mood[item] + self.course.effect(item, second), 0.8)
            answers[item] = int(clamp(round(drawn), low, high))
        if draws.chance(0.08):
            answers["note"] = draws.pick(_NOTES)
        return {
            "instrument": "daily-diary",
            "instrument_version": "1.0",
            "started_at": self._local(at - timedelta(seconds=draws.integer(35, 240))),
            "authored_at": self._local(at),
            "time_zone": self.course.time_zone,
            "app_version": "1.0.0",
            "originator": "participant",
            "answers": answers,
            "vitals": [
                self._reading(draws, code, at, second)
                for code in AT_HOME
                if not self.is_monitored or code == "heart_rate"
            ],
        }

    def _readings(self, draws: Draws, at: datetime, second: float) -> list[dict[str, Any]]:
        codes = IN_HOSPITAL if self.is_monitored else AT_HOME
        readings = [self._reading(draws, code, at, second) for code in codes]
        if self.is_monitored:
            measured = {"measured_at": self._local(at), "originator": "device"}
            saturation = min(r["value"] for r in readings if r["code"] == "spo2")
            worst = max((spell.intensity(second) for spell in self.course.spells), default=0.0)
            confused = worst > _CONFUSED_ABOVE and saturation < _OXYGEN_BELOW
            said = {
                "consciousness": "C" if confused else "A",
                "supplemental_oxygen": saturation < _OXYGEN_BELOW,
            }
            readings += [{"code": code, "value": v, **measured} for code, v in said.items()]
        return readings

    def _reading(self, draws: Draws, code: str, at: datetime, second: float) -> dict[str, Any]:
        unit, decimals, spread, low, high = CODES[code]
        drawn = clamp(draws.normal(self.course.reading(code, at, second), spread), low, high)
        return {
            "code": code,
            "value": round(drawn, decimals) if decimals else round(drawn),
            "unit": unit,
            "measured_at": self._local(at),
            "position": "semi_recumbent" if self.is_monitored else "sitting",
            "originator": "device",
        }

    def _local(self, at: datetime) -> str:
        return at.astimezone(zone_of(self.course.time_zone)).isoformat(timespec="milliseconds")


def writer_of(
    seed: int, patient: UUID, time_zone: str, begins: datetime, *, is_monitored: bool
) -> Writer:
    """Return who writes a patient's uploads."""
    return Writer(seed, patient, begins, course_of(seed, patient, time_zone), is_monitored)
