"""A trial with as many enrolled patients as are wanted, each with a phone, for load and crashes.

Everybody has consented, follows the protocol's first version and has a diary due on each day, so
that an upload of today is accepted.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from patients.models import (
    Consent,
    ConsentDocument,
    DiaryAssignment,
    Patient,
    PatientProtocolVersion,
    PatientSite,
)
from patients.services.phones import hand_out_phones
from patients.vocabulary import Participation
from portal.accounts.models import User
from portal.core.bulk import copy_in
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.demo.generator.design import diary_definition
from trials.models import (
    Institution,
    Instrument,
    InstrumentSchedule,
    ProtocolVersion,
    Site,
    Sponsor,
    Trial,
)

SITES = 10
ENROLLED_BEFORE = timedelta(days=40)
DIARY_DAYS = range(-1, 3)  # around the day on which the cohort is made


def make_cohort(number: str, patients: int, at: datetime) -> list[tuple[UUID, str]]:
    """Return pairs of patient and device token of a new trial."""
    reason = "load test"
    began = at - ENROLLED_BEFORE
    with acting(by=SYSTEM_ACCOUNT, at=at, reason=reason):
        sponsor = Sponsor.objects.create(name=f"Load {number}")
        trial = Trial.objects.create(
            sponsor=sponsor, number=number, title=number, blinding="double"
        )
        version = ProtocolVersion.objects.create(trial=trial, number="1")
        instrument = _instrument(trial, version)
        sites = list(_sites(trial))
        rows = list(_patients(trial, sites, patients, began))
        copy_in(Patient, rows)
        copy_in(PatientSite, ({**_of(row), "from_at": began} for row in rows))
        followed = {"protocol_version_id": version.pk, "from_at": began}
        copy_in(PatientProtocolVersion, ({**_of(row), **followed} for row in rows))
        document = ConsentDocument.objects.create(
            trial=trial, document_version="1", language="en", effective_on=began.date()
        )
        said = {"document_id": document.pk, "choices": {"main": True}, "signed_at": began}
        copy_in(Consent, ({**_of(row), **said} for row in rows))
        copy_in(DiaryAssignment, _diary_days(rows, instrument, at))
        by = User.objects.get(pk=SYSTEM_ACCOUNT)
        pairs = hand_out_phones(trial=trial, count=None, by=by, at=at, reason=reason)
    return list(pairs)


def _instrument(trial: Trial, version: ProtocolVersion) -> Instrument:
    instrument, _made = Instrument.objects.get_or_create(
        code="daily-diary",
        instrument_version="1.0",
        defaults={"title": "Daily diary", "definition": diary_definition()},
    )
    InstrumentSchedule.objects.create(
        trial=trial,
        protocol_version=version,
        oid="DIARY",
        instrument=instrument,
        opens_local=time(0),
        closes_local=time(23, 59, 59),
    )
    return instrument


def _sites(trial: Trial) -> Iterator[Site]:
    for place in range(1, SITES + 1):
        hospital = Institution.objects.create(name=f"Hospital {place}", country="FRA")
        yield Site.objects.create(
            trial=trial,
            institution=hospital,
            code=f"{place:02d}",
            country="FRA",
            time_zone="UTC",
        )


def _patients(
    trial: Trial, sites: list[Site], count: int, began: datetime
) -> Iterator[dict[str, Any]]:
    for place in range(count):
        yield {
            "id": uuid7(began),
            "created_at": began,
            "trial_id": trial.pk,
            "site_id": sites[place % len(sites)].pk,
            "usubjid": f"{trial.number}-{place:06d}",
            "subject_number": f"{place:06d}",
            "participation": Participation.ENROLLED.value,
            "age": 61,
        }


def _of(row: dict[str, Any]) -> dict[str, Any]:
    return {"patient_id": row["id"], "site_id": row["site_id"], "created_at": row["created_at"]}


def _diary_days(
    rows: list[dict[str, Any]], instrument: Instrument, at: datetime
) -> Iterator[dict[str, Any]]:
    for days in DIARY_DAYS:
        opens = (at + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
        window = {
            "instrument_id": instrument.pk,
            "local_day": opens.date(),
            "time_zone": "UTC",
            "opens_local": time(0),
            "closes_local": time(23, 59, 59),
            "opens_at": opens,
            "closes_at": opens + timedelta(days=1) - timedelta(seconds=1),
        }
        for row in rows:
            yield {**_of(row), **window}
