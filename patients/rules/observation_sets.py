"""Which readings make one NEWS2 observation set: taken together, in hospital, and not in doubt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from patients.rules.news2 import Observations
from patients.rules.vital_codes import IMPLAUSIBLE
from patients.rules.vital_table import TRUE

WITHIN = timedelta(minutes=30)
MONITOR_WINDOW = timedelta(seconds=60)
INPATIENT = "inpatient"
# parameter -> codes that give it, the best first.
CODES: Mapping[str, tuple[str, ...]] = {
    "respiratory_rate": ("respiratory_rate",),
    "spo2": ("spo2",),
    "supplemental_oxygen": ("supplemental_oxygen",),
    "systolic_bp": ("systolic_bp",),
    "pulse": ("pulse_rate", "heart_rate"),
    "consciousness": ("consciousness",),
    "temperature": ("temperature",),
}
_SCORED_BY = frozenset({"staff", "device"})


@dataclass(frozen=True, slots=True)
class Observed:
    """One reading: `value` is the unrounded canonical one, `key` finds it again."""

    key: str
    code: str
    measured_at: datetime
    value: Decimal | None = None
    coded_value: str = ""
    comparator: str = ""
    status: str = "final"
    setting: str = INPATIENT
    originator: str = "staff"
    flags: tuple[str, ...] = ()

    @property
    def may_be_scored(self) -> bool:
        """Whether the reading is of an inpatient, final, exact and possible."""
        return (
            self.setting == INPATIENT
            and self.originator in _SCORED_BY
            and self.status == "final"
            and not self.comparator
            and IMPLAUSIBLE not in self.flags
            and (self.value is not None or self.coded_value != "")
        )


@dataclass(frozen=True, slots=True)
class ObservationSet:
    """The readings chosen for each parameter, and what they say."""

    observations: Observations
    used: Mapping[str, str]
    started_at: datetime | None
    ended_at: datetime | None


def collect(
    readings: Iterable[Observed], *, closed_at: datetime, within: timedelta = WITHIN
) -> ObservationSet:
    """Choose the latest reading of each parameter within the span before the newest one."""
    usable = [one for one in readings if one.may_be_scored and one.measured_at <= closed_at]
    newest = max((one.measured_at for one in usable), default=None)
    near = [one for one in usable if newest is not None and newest - one.measured_at <= within]
    chosen = {
        name: found for name, codes in CODES.items() if (found := _latest(near, codes)) is not None
    }
    times = [one.measured_at for one in chosen.values()]
    return ObservationSet(
        Observations(**{name: _content(name, one) for name, one in chosen.items()}),
        {name: one.key for name, one in chosen.items()},
        min(times, default=None),
        max(times, default=None),
    )


def _latest(readings: Sequence[Observed], codes: Sequence[str]) -> Observed | None:
    for code in codes:
        found = [one for one in readings if one.code == code]
        if found:
            return max(found, key=lambda one: (one.measured_at, one.key))
    return None


def _content(name: str, one: Observed) -> Any:
    if name == "supplemental_oxygen":
        return one.coded_value == TRUE
    return one.coded_value if name == "consciousness" else one.value


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a monitor in the canonical unit of its code."""

    at: datetime
    value: Decimal
    is_artifact: bool = False


def monitor_value(
    samples: Iterable[Sample], *, closed_at: datetime, window: timedelta = MONITOR_WINDOW
) -> Decimal | None:
    """Return the median of the samples of the last minute that are no artifacts; None for none."""
    values = [
        sample.value
        for sample in samples
        if not sample.is_artifact and closed_at - window < sample.at <= closed_at
    ]
    return median(values) if values else None
