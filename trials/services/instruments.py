"""Instruments: stored once for each version, never changed, and planned into a trial."""

import json
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.db.models import F

from portal.accounts.models import User
from portal.core.errors import InvalidInput, RuleBroken
from portal.core.history import acting
from trials.models import Instrument, InstrumentSchedule, ProtocolVersion, Trial
from trials.rules.instruments import InstrumentDefinition, decode
from trials.services.setup import save_checked

SHIPPED = Path(__file__).resolve().parents[1] / "instruments"


class InstrumentVersionDiffers(RuleBroken):
    """This version is stored with another definition; a changed definition is a new version."""

    code = "instrument_version_differs"


class TrialHasNoProtocolVersion(RuleBroken):
    """The trial has no protocol version that the instrument could be planned in."""

    code = "trial_has_no_protocol_version"


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an import."""

    instrument: Instrument
    is_new: bool
    schedule: InstrumentSchedule | None = None


def shipped(code: str, version: str) -> dict[str, Any]:
    """Return the file of an instrument that comes with the portal, with code, title, definition."""
    content: dict[str, Any] = json.loads((SHIPPED / f"{code}-{version}.json").read_text("utf-8"))
    return content


def store_instrument(
    *,
    code: str,
    version: str,
    title: str,
    definition: Any,
    by: User,
    at: datetime,
    reason: str,
    trial: Trial | None = None,
) -> Stored:
    """Store one version of an instrument; for a trial, plan it into the latest protocol version.

    The same definition again changes nothing.
    Raises: NotADefinition, InstrumentVersionDiffers, TrialHasNoProtocolVersion, InvalidInput.
    """
    decoded = decode(definition)
    if not reason.strip():
        raise InvalidInput("Say why the instrument is stored.")
    with acting(by=by, at=at, reason=reason):
        made = Instrument(
            code=code,
            instrument_version=version,
            title=title,
            definition=definition,
            created_at=at,
        )
        found = (
            Instrument.objects.select_for_update()
            .filter(code=code, instrument_version=version)
            .first()
        )
        if found is not None and (found.definition != definition or found.title != title):
            raise InstrumentVersionDiffers()
        instrument = found or save_checked(made, by=by, at=at, reason=reason)
        schedule = _plan(instrument, decoded, trial, by, at, reason) if trial else None
    return Stored(instrument, found is None, schedule)


def _plan(
    instrument: Instrument,
    definition: InstrumentDefinition,
    trial: Trial,
    by: User,
    at: datetime,
    reason: str,
) -> InstrumentSchedule | None:
    plan = definition.schedule
    if plan is None:
        return None
    latest = F("effective_on").desc(nulls_last=True)
    version = ProtocolVersion.objects.filter(trial=trial).order_by(latest, "-created_at").first()
    if version is None:
        raise TrialHasNoProtocolVersion()
    planned = InstrumentSchedule.objects.filter(
        protocol_version=version, instrument=instrument
    ).first()
    if planned is not None:
        return planned
    schedule = InstrumentSchedule(
        trial=trial,
        protocol_version=version,
        oid=f"IS.{instrument.code}.{instrument.instrument_version}",
        instrument=instrument,
        opens_local=time.fromisoformat(plan.opens),
        closes_local=time.fromisoformat(plan.closes),
        every_days=plan.every_days,
        first_day=plan.first_day,
        last_day=plan.last_day,
        created_at=at,
    )
    return save_checked(schedule, by=by, at=at, reason=reason)
