"""The phones of a test: the simulation's own, each with an outbox and a history in a file.

What a phone wants to send survives the phone; what it was told is written down as it happens.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from portal.core.ids import seeded_uuid7
from portal.demo.generator.draws import Draws
from portal.demo.simulation.outbox import Outbox, Upload
from portal.demo.simulation.phone import REPORTS, VITALS, Line, Manners, Phone, Step

MANNERS = Manners(answer_within=15, first_wait=0.05, longest_wait=0.5, hurry=20, hang_ups=0.05)


def report_body(patient: UUID, key: UUID, at: datetime, number: int = 0) -> bytes:
    """Return a report that answers every item, so that it leaves one row for each answer."""
    said = at.isoformat(timespec="milliseconds")
    body = {
        "submission_id": str(key),
        "patient": str(patient),
        "instrument": "daily-diary",
        "instrument_version": "1.0",
        "authored_at": said,
        "originator": "participant",
        "answers": {
            "pain": number % 11,
            "nausea": 1,
            "fatigue": 2,
            "sleep": 7,
            "mood": 8,
            "self_harm": False,
            "note": f"entry {number}",
        },
        "vitals": [_reading(72, said)],
    }
    return json.dumps(body).encode()


def vitals_body(patient: UUID, key: UUID, at: datetime, number: int = 0) -> bytes:
    """Return two readings of a cuff."""
    said = at.isoformat(timespec="milliseconds")
    readings = [_reading(60 + number % 60, said), {**_reading(97, said), "code": "pulse_rate"}]
    body = {"submission_id": str(key), "patient": str(patient), "readings": readings}
    return json.dumps(body).encode()


def _reading(value: int, at: str) -> dict[str, object]:
    return {"code": "heart_rate", "value": value, "unit": "/min", "measured_at": at}


class Fleet:
    """Phones that write and send, each its own uploads, until they are told to stop writing."""

    def __init__(
        self,
        pairs: Sequence[tuple[UUID, str]],
        *,
        url: str,
        folder: Path,
        seed: int,
        begins: datetime,
        manners: Manners = MANNERS,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.seed, self.begins = folder, seed, begins
        self.history: list[Line] = []
        self.accepted = 0
        self.writes = True
        self._file = open(folder / "history.jsonl", "a")  # noqa: SIM115 - closed with the fleet
        self.phones = [
            Phone(
                patient=patient,
                token=token,
                url=url,
                draws=Draws("fleet", seed, patient),
                outbox=Outbox(folder / f"{patient}.outbox"),
                manners=manners,
                tell=self._tell,
            )
            for patient, token in pairs
        ]

    def uploads_of(self, phone: Phone) -> Iterator[Upload]:
        """Yield a phone's uploads without end: three reports, then readings."""
        number = 0
        while True:
            at = self.begins + timedelta(milliseconds=number)
            key = seeded_uuid7(at, "fleet", self.seed, phone.patient, number)
            path, body = (VITALS, vitals_body) if number % 4 == 3 else (REPORTS, report_body)
            yield Upload(key, path, body(phone.patient, key, at, number))
            number += 1

    async def live(self, phone: Phone, pause: float) -> None:
        """Write, send, wait; some writing goes on while nothing can be sent."""
        draws = Draws("life", self.seed, phone.patient)
        for upload in self.uploads_of(phone):
            phone.outbox.put(upload)
            if draws.chance(0.2):
                continue
            await phone.send_all()
            if not self.writes:
                return
            await asyncio.sleep(draws.uniform(0, 2 * pause))

    async def run(self, *, until: asyncio.Event, pause: float = 0.02) -> None:
        """Send until the event; then what is left. Every phone ends with an empty outbox."""
        async with asyncio.TaskGroup() as group:
            lives = [group.create_task(self.live(phone, pause)) for phone in self.phones]
            await until.wait()
            self.writes = False
            await asyncio.gather(*lives)
        self.close()

    def close(self) -> None:
        """Hang up."""
        for phone in self.phones:
            phone.close()
        self._file.close()

    def _tell(self, line: Line) -> None:
        self.history.append(line)
        self.accepted += line.step is Step.OK
        said = {name: str(value) for name, value in asdict(line).items()}
        self._file.write(json.dumps(said) + "\n")
        self._file.flush()
