"""NEWS2: seven parameters of one observation set to a score of 0 to 20, its band and its expiry.

It supports judgment and replaces none. A missing parameter makes the set incomplete, never a zero.
Source: Royal College of Physicians. National Early Warning Score (NEWS) 2. London: RCP, 2017,
charts 1 to 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

ALGORITHM = "news2"
VERSION = "1.0"
PARAMETERS = (
    "respiratory_rate",
    "spo2",
    "supplemental_oxygen",
    "systolic_bp",
    "pulse",
    "consciousness",
    "temperature",
)
CONTINUOUS_FROM = 7

# The chart's resolution; a value is rounded half up to it, from the unrounded conversion.
RESOLUTION: Mapping[str, Decimal] = {
    "respiratory_rate": Decimal(1),
    "spo2": Decimal(1),
    "systolic_bp": Decimal(1),
    "pulse": Decimal(1),
    "temperature": Decimal("0.1"),
}
# (highest value of the row, score), lowest row first; what is above the last row scores `_ABOVE`.
_Rows = tuple[tuple[Decimal, int], ...]


def _rows(*rows: tuple[str, int]) -> _Rows:
    return tuple((Decimal(highest), points) for highest, points in rows)


_BANDS: Mapping[str, tuple[_Rows, int]] = {
    "respiratory_rate": (_rows(("8", 3), ("11", 1), ("20", 0), ("24", 2)), 3),
    "systolic_bp": (_rows(("90", 3), ("100", 2), ("110", 1), ("219", 0)), 3),
    "pulse": (_rows(("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2)), 3),
    "temperature": (_rows(("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1)), 2),
    "scale_1": (_rows(("91", 3), ("93", 2), ("95", 1)), 0),
    "scale_2_on_air": (_rows(("83", 3), ("85", 2), ("87", 1)), 0),
    "scale_2_on_oxygen": (
        _rows(("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2)),
        3,
    ),
}
_CONSCIOUSNESS: Mapping[str, int] = {"A": 0, "C": 3, "V": 3, "P": 3, "U": 3}


class Scale(StrEnum):
    """Which saturation scale holds; scale 2 only by a clinician's dated flag (NW-03)."""

    ONE = "1"
    TWO = "2"


class Band(StrEnum):
    """The clinical risk of the chart."""

    LOW = "low"
    LOW_MEDIUM = "low_medium"
    MEDIUM = "medium"
    HIGH = "high"


class Eligibility(StrEnum):
    """Whether NEWS2 may be computed for a patient; what is not known is not a yes."""

    ELIGIBLE = "eligible"
    NOT_ELIGIBLE = "not_eligible"
    NOT_ELIGIBLE_UNKNOWN = "not_eligible_unknown"


@dataclass(frozen=True, slots=True)
class Observations:
    """The seven parameters in canonical units, unrounded; None for what was not observed.

    Units: /min, %, mm[Hg], Cel.
    """

    respiratory_rate: Decimal | None = None
    spo2: Decimal | None = None
    supplemental_oxygen: bool | None = None
    systolic_bp: Decimal | None = None
    pulse: Decimal | None = None
    consciousness: str | None = None
    temperature: Decimal | None = None


@dataclass(frozen=True, slots=True)
class News2:
    """One score with everything needed to compute it again; `score` is None while incomplete."""

    score: int | None
    band: Band | None
    sub_scores: Mapping[str, int]
    inputs: Mapping[str, str]
    missing: tuple[str, ...]
    scale: Scale
    algorithm: str = ALGORITHM
    algorithm_version: str = VERSION

    @property
    def is_complete(self) -> bool:
        """Whether all seven parameters were observed."""
        return not self.missing

    @property
    def has_single_3(self) -> bool:
        """Whether one parameter alone scores 3."""
        return 3 in self.sub_scores.values()


def eligibility(
    *, age_years: Decimal | None, is_pregnant: bool | None, has_spinal_cord_injury: bool | None
) -> Eligibility:
    """Say whether NEWS2 holds: known age of 16 or more, known not pregnant, no such injury."""
    if is_pregnant or has_spinal_cord_injury or (age_years is not None and age_years < 16):
        return Eligibility.NOT_ELIGIBLE
    if age_years is None or is_pregnant is None or has_spinal_cord_injury is None:
        return Eligibility.NOT_ELIGIBLE_UNKNOWN
    return Eligibility.ELIGIBLE


def rounded(parameter: str, value: Decimal) -> Decimal:
    """Round a value half up to the chart's resolution."""
    return value.quantize(RESOLUTION[parameter], ROUND_HALF_UP)


def compute(
    observed: Observations, *, scale: Scale = Scale.ONE, has_baseline_confusion: bool = False
) -> News2:
    """Score one observation set; documented baseline confusion is not new and counts as alert."""
    inputs = _inputs(observed, has_baseline_confusion)
    points = {name: _points(name, inputs, scale) for name in PARAMETERS if name in inputs}
    known = {name: value for name, value in points.items() if value is not None}
    missing = tuple(name for name in PARAMETERS if name not in known)
    score = None if missing else sum(known.values())
    band = None if score is None else band_of(score, has_single_3=3 in known.values())
    texts = {name: str(value) for name, value in inputs.items()}
    return News2(score, band, known, texts, missing, scale)


def _inputs(observed: Observations, has_baseline_confusion: bool) -> dict[str, Decimal | str]:
    inputs: dict[str, Decimal | str] = {}
    for name in RESOLUTION:
        value = getattr(observed, name)
        if value is not None:
            inputs[name] = rounded(name, value)
    if observed.supplemental_oxygen is not None:
        inputs["supplemental_oxygen"] = "oxygen" if observed.supplemental_oxygen else "air"
    if observed.consciousness is not None:
        old = has_baseline_confusion and observed.consciousness == "C"
        inputs["consciousness"] = "A" if old else observed.consciousness
    return inputs


def _points(name: str, inputs: Mapping[str, Decimal | str], scale: Scale) -> int | None:
    value = inputs[name]
    if isinstance(value, str):
        return _CONSCIOUSNESS.get(value) if name == "consciousness" else 2 * (value == "oxygen")
    if name != "spo2":
        return _read(name, value)
    if scale is Scale.ONE:
        return _read("scale_1", value)
    oxygen = inputs.get("supplemental_oxygen")
    if oxygen is None and value > 92:
        return None  # On scale 2 the upper half of the chart depends on air or oxygen.
    return _read("scale_2_on_oxygen" if oxygen == "oxygen" else "scale_2_on_air", value)


def _read(chart: str, value: Decimal) -> int:
    rows, above = _BANDS[chart]
    return next((points for highest, points in rows if value <= highest), above)


def band_of(score: int, *, has_single_3: bool) -> Band:
    """Return the band of an aggregate score; a single 3 lifts a low score."""
    if score >= CONTINUOUS_FROM:
        return Band.HIGH
    if score >= 5:
        return Band.MEDIUM
    return Band.LOW_MEDIUM if has_single_3 else Band.LOW


def chart(parameter: str) -> list[tuple[Decimal | None, Decimal | None, int]]:
    """Return the rows of a numeric parameter's chart: above, up to and with, points.

    Scale 1 for saturation, as long as no clinician has said otherwise.
    """
    rows, above = _BANDS["scale_1" if parameter == "spo2" else parameter]
    lows = (None, *(highest for highest, _points in rows))
    highs = (*rows, (None, above))
    return [(low, high, points) for low, (high, points) in zip(lows, highs, strict=True)]


def expires_after(score: int, *, has_single_3: bool, continuous_limit: timedelta) -> timedelta:
    """Return how long a set stands: until RCP's next observation.

    From 7 monitoring is continuous; the trial sets the limit.
    """
    if score >= CONTINUOUS_FROM:
        return continuous_limit
    if score >= 5 or has_single_3:
        return timedelta(hours=1)
    return timedelta(hours=4) if score >= 1 else timedelta(hours=12)
