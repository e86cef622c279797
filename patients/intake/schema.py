"""The bodies of uploads: msgspec reads and bounds them in one pass.

What a value may be is said once, in `Leaf`s and lengths that the documented serializers use too
(patients.intake.serializers); a test holds both to one corpus. Answers and values stay `Raw`: a
number keeps the digits that it was sent with.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

MOST_READINGS = 500
MOST_REPORTS = 500
MOST_ANSWERS = 1_000
LONGEST_ANSWER = 10_000
LONGEST_NUMBER = 40

ZONE_FORM = r"^[A-Za-z0-9_+\-/]{1,64}$"
DURATION_FORM = (
    r"^-?P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?"
    r"(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$"
)
INSTANT_FORM = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:?[0-9]{2})$"

# A phone's clock may be wrong: what it says is stored beside the time of receipt, not refused.
EARLIEST_INSTANT = datetime(1880, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=366)

# Its form is checked where it is packed (patients.intake.bodies): a pattern costs three times that.
Id = Annotated[str, Meta(min_length=36, max_length=36)]
Instant = Annotated[datetime, Meta(tz=True)]
Zone = Annotated[str, Meta(pattern=ZONE_FORM)]
Duration = Annotated[str, Meta(pattern=DURATION_FORM, max_length=30)]
Text20 = Annotated[str, Meta(max_length=20)]
Text40 = Annotated[str, Meta(max_length=40)]
Text60 = Annotated[str, Meta(max_length=60)]
Text100 = Annotated[str, Meta(max_length=100)]
Text200 = Annotated[str, Meta(max_length=200)]
Code = Annotated[str, Meta(min_length=1, max_length=60)]
Version = Annotated[str, Meta(min_length=1, max_length=20)]
Milliseconds = Annotated[int, Meta(ge=-(2**53), le=2**53)]

Originator = Literal["participant", "caregiver", "staff", "device"]
Missing = Literal["declined", "not_shown", "technical", "skipped"]
Position = Literal["supine", "sitting", "standing", "semi_recumbent", "left_lateral"]
ReadingStatus = Literal["final", "preliminary", "artifact"]
Fasting = Literal["yes", "no", "unknown"]
# Who writes for the participant says why.
SPEAKS_FOR_ITSELF = frozenset({"participant", "device"})


class Reading(Struct, forbid_unknown_fields=True, gc=False):
    """One measurement. Its code, unit and value are checked by patients.rules.vital_codes."""

    code: Code
    measured_at: Instant
    value: Raw | UnsetType = UNSET
    unit: Text40 | UnsetType | None = UNSET
    reading_id: Text100 | UnsetType | None = UNSET
    comparator: Literal["<", ">"] | UnsetType | None = UNSET
    panel: Text60 | UnsetType | None = UNSET
    position: Position | UnsetType | None = UNSET
    body_site: Text60 | UnsetType | None = UNSET
    laterality: Text20 | UnsetType | None = UNSET
    method: Text60 | UnsetType | None = UNSET
    timepoint: Text60 | UnsetType | None = UNSET
    elapsed: Duration | UnsetType | None = UNSET
    repeat: Text20 | Annotated[int, Meta(ge=0, le=1000000)] | UnsetType | None = UNSET
    fasting: Fasting | UnsetType | None = UNSET
    device_id: Text100 | UnsetType | None = UNSET
    originator: Originator | UnsetType | None = UNSET
    status: ReadingStatus | UnsetType | None = UNSET
    not_done_reason: Text200 | UnsetType | None = UNSET


class Edit(Struct, forbid_unknown_fields=True, rename={"from_": "from"}, gc=False):
    """An answer changed on the phone before it was sent (EMA, change before transfer)."""

    item: Code
    at: Instant
    from_: Raw | UnsetType = UNSET
    to: Raw | UnsetType = UNSET


Answers = Annotated[dict[Code, Raw], Meta(max_length=MOST_ANSWERS)]
MissingItems = Annotated[dict[Code, Missing], Meta(max_length=MOST_ANSWERS)]
Edits = Annotated[list[Edit], Meta(max_length=MOST_ANSWERS)]
# Each reading twice: as sent, to be kept, and as understood.
RawReadings = Annotated[list[Raw], Meta(max_length=MOST_READINGS)]


class EproReport(Struct, forbid_unknown_fields=True, gc=False):
    """A diary report (contract.md, Intake)."""

    submission_id: Id
    patient: Id
    instrument: Code
    instrument_version: Version
    authored_at: Instant
    answers: Answers
    device_id: Text100 | UnsetType | None = UNSET
    originator: Originator | UnsetType | None = UNSET
    vitals: RawReadings | UnsetType | None = UNSET
    started_at: Instant | UnsetType | None = UNSET
    completed_at: Instant | UnsetType | None = UNSET
    saved_at: Instant | UnsetType | None = UNSET
    time_zone: Zone | UnsetType | None = UNSET
    language: Text20 | UnsetType | None = UNSET
    app_version: Text40 | UnsetType | None = UNSET
    device_clock_offset_ms: Milliseconds | UnsetType | None = UNSET
    assignment_id: Id | UnsetType | None = UNSET
    originator_person: Text200 | UnsetType | None = UNSET
    originator_reason: Text200 | UnsetType | None = UNSET
    missing: MissingItems | UnsetType | None = UNSET
    edits: Edits | UnsetType | None = UNSET


class VitalsUpload(Struct, forbid_unknown_fields=True, gc=False):
    """Readings of one patient, or of the devices of a bedside gateway."""

    submission_id: Id
    readings: Annotated[list[Raw], Meta(min_length=1, max_length=MOST_READINGS)]
    patient: Id | UnsetType | None = UNSET


class Batch(Struct, forbid_unknown_fields=True, gc=False):
    """Reports kept while offline; each is judged alone."""

    reports: Annotated[list[Raw], Meta(max_length=MOST_REPORTS)]


decode_report = Decoder(EproReport).decode
decode_upload = Decoder(VitalsUpload).decode
decode_batch = Decoder(Batch).decode
decode_reading = Decoder(Reading).decode
decode_any: Any = Decoder().decode


def names_in(report: tuple[Any, ...]) -> int:
    """Return how many members a struct's values came from; absent ones are UNSET."""
    return len(report) - report.count(UNSET)
