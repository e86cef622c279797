"""NEWS2: every boundary of the chart, rounding, missing parameters, eligibility, expiry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.rules import news2
from patients.rules.news2 import Band, Eligibility, Observations, Scale, compute
from patients.rules.observation_sets import Observed, Sample, collect, monitor_value
from patients.rules.vital_codes import canonical

NORMAL = Observations(
    respiratory_rate=Decimal(16),
    spo2=Decimal(97),
    supplemental_oxygen=False,
    systolic_bp=Decimal(120),
    pulse=Decimal(70),
    consciousness="A",
    temperature=Decimal("37.0"),
)
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)

# parameter -> (value, points) on both sides of every boundary of the chart.
CHART = {
    "respiratory_rate": (
        (0, 3),
        (8, 3),
        (9, 1),
        (11, 1),
        (12, 0),
        (20, 0),
        (21, 2),
        (24, 2),
        (25, 3),
    ),
    "systolic_bp": (
        (40, 3),
        (90, 3),
        (91, 2),
        (100, 2),
        (101, 1),
        (110, 1),
        (111, 0),
        (219, 0),
        (220, 3),
    ),
    "pulse": (
        (20, 3),
        (40, 3),
        (41, 1),
        (50, 1),
        (51, 0),
        (90, 0),
        (91, 1),
        (110, 1),
        (111, 2),
        (130, 2),
        (131, 3),
    ),
    "temperature": (
        ("30", 3),
        ("35.0", 3),
        ("35.1", 1),
        ("36.0", 1),
        ("36.1", 0),
        ("38.0", 0),
        ("38.1", 1),
        ("39.0", 1),
        ("39.1", 2),
    ),
    "spo2": ((70, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)),
}
BOUNDARIES = [(name, str(value), points) for name, rows in CHART.items() for value, points in rows]


@pytest.mark.req("NW-01")
@pytest.mark.parametrize(("parameter", "value", "points"), BOUNDARIES)
def test_each_boundary_of_the_chart(parameter: str, value: str, points: int) -> None:
    result = compute(replace(NORMAL, **{parameter: Decimal(value)}))
    assert result.sub_scores[parameter] == points
    assert result.score == points


@pytest.mark.req("NW-01")
@pytest.mark.req("NW-03")
@pytest.mark.parametrize(
    ("value", "on_air", "on_oxygen"),
    [
        (70, 3, 3), (83, 3, 3), (84, 2, 2), (85, 2, 2), (86, 1, 1), (87, 1, 1), (88, 0, 0),
        (92, 0, 0), (93, 0, 1), (94, 0, 1), (95, 0, 2), (96, 0, 2), (97, 0, 3), (100, 0, 3),
    ],
)  # fmt: skip
def test_scale_2_depends_on_oxygen_from_93(value: int, on_air: int, on_oxygen: int) -> None:
    for oxygen, points in ((False, on_air), (True, on_oxygen)):
        observed = replace(NORMAL, spo2=Decimal(value), supplemental_oxygen=oxygen)
        result = compute(observed, scale=Scale.TWO)
        assert result.sub_scores["spo2"] == points
        assert result.score == points + 2 * oxygen


def test_scale_2_does_not_guess_whether_there_is_oxygen() -> None:
    observed = replace(NORMAL, supplemental_oxygen=None)
    assert compute(observed, scale=Scale.TWO).missing == ("spo2", "supplemental_oxygen")
    low = replace(observed, spo2=Decimal(84))
    assert compute(low, scale=Scale.TWO).sub_scores["spo2"] == 2


@pytest.mark.req("NW-01")
@pytest.mark.parametrize(("level", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_anything_but_alert_scores_3(level: str, points: int) -> None:
    assert compute(replace(NORMAL, consciousness=level)).score == points


def test_documented_baseline_confusion_is_not_new() -> None:
    confused = replace(NORMAL, consciousness="C")
    result = compute(confused, has_baseline_confusion=True)
    assert (result.score, result.inputs["consciousness"]) == (0, "A")
    voice = replace(NORMAL, consciousness="V")
    assert compute(voice, has_baseline_confusion=True).score == 3


@pytest.mark.req("NW-01")
def test_the_worst_is_20_and_the_best_is_0() -> None:
    worst = Observations(
        Decimal(30), Decimal(80), True, Decimal(80), Decimal(140), "U", Decimal("34.0")
    )
    result = compute(worst)
    assert (result.score, result.band) == (20, Band.HIGH)
    assert (compute(NORMAL).score, compute(NORMAL).band) == (0, Band.LOW)


@pytest.mark.req("NW-10")
@pytest.mark.parametrize(
    ("text", "unit", "entered", "points"),
    [
        ("36.04", "Cel", "36.0", 1),
        ("36.05", "Cel", "36.1", 0),
        ("38.04", "Cel", "38.0", 0),
        ("38.05", "Cel", "38.1", 1),
        ("35.05", "Cel", "35.1", 1),
        ("95.4", "[degF]", "35.2", 1),
        ("95.5", "[degF]", "35.3", 1),
        ("96.9", "[degF]", "36.1", 0),
        ("96.8", "[degF]", "36.0", 1),
        ("96.89", "[degF]", "36.1", 0),
        ("96.88", "[degF]", "36.0", 1),
        ("95.08", "[degF]", "35.0", 3),
        ("95.09", "[degF]", "35.1", 1),
    ],
)
def test_temperatures_are_rounded_half_up_from_the_unrounded_conversion(
    text: str, unit: str, entered: str, points: int
) -> None:
    value = canonical("temperature", text, unit).value
    result = compute(replace(NORMAL, temperature=value))
    assert (result.inputs["temperature"], result.sub_scores["temperature"]) == (entered, points)


@pytest.mark.req("NW-10")
@pytest.mark.parametrize(("value", "entered"), [("95.4", "95"), ("95.5", "96"), ("91.5", "92")])
def test_saturation_is_rounded_half_up_to_a_whole(value: str, entered: str) -> None:
    assert compute(replace(NORMAL, spo2=Decimal(value))).inputs["spo2"] == entered


@pytest.mark.req("NW-04")
@pytest.mark.parametrize("parameter", news2.PARAMETERS)
def test_a_missing_parameter_makes_the_set_incomplete(parameter: str) -> None:
    result = compute(replace(NORMAL, **{parameter: None}))
    assert (result.score, result.band, result.missing) == (None, None, (parameter,))
    assert not result.is_complete and len(result.sub_scores) == 6


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(
    ("score", "single_3", "band", "hours"),
    [
        (0, False, "low", 12), (1, False, "low", 4), (4, False, "low", 4),
        (3, True, "low_medium", 1), (4, True, "low_medium", 1), (5, False, "medium", 1),
        (5, True, "medium", 1), (6, False, "medium", 1), (7, False, "high", 0.25),
        (7, True, "high", 0.25), (20, True, "high", 0.25),
    ],
)  # fmt: skip
def test_bands_and_the_time_of_the_next_observation(
    score: int, single_3: bool, band: str, hours: float
) -> None:
    limit = timedelta(minutes=15)
    assert news2.band_of(score, has_single_3=single_3) == band
    after = news2.expires_after(score, has_single_3=single_3, continuous_limit=limit)
    assert after == timedelta(hours=hours)


@pytest.mark.req("NW-07")
@pytest.mark.parametrize(
    ("age", "pregnant", "injury", "answer"),
    [
        (Decimal(16), False, False, Eligibility.ELIGIBLE),
        (Decimal("15.99"), False, False, Eligibility.NOT_ELIGIBLE),
        (Decimal(40), True, False, Eligibility.NOT_ELIGIBLE),
        (Decimal(40), False, True, Eligibility.NOT_ELIGIBLE),
        (None, True, None, Eligibility.NOT_ELIGIBLE),
        (None, False, False, Eligibility.NOT_ELIGIBLE_UNKNOWN),
        (Decimal(40), None, False, Eligibility.NOT_ELIGIBLE_UNKNOWN),
        (Decimal(40), False, None, Eligibility.NOT_ELIGIBLE_UNKNOWN),
    ],
)
def test_what_is_unknown_is_not_eligible(
    age: Decimal | None, pregnant: bool | None, injury: bool | None, answer: Eligibility
) -> None:
    found = news2.eligibility(age_years=age, is_pregnant=pregnant, has_spinal_cord_injury=injury)
    assert found is answer


@given(
    st.lists(st.integers(0, 250), min_size=2, max_size=30),
    st.sampled_from(["respiratory_rate", "systolic_bp", "pulse"]),
)
def test_points_never_fall_on_the_way_from_normal(values: list[int], parameter: str) -> None:
    middle = {"respiratory_rate": 16, "systolic_bp": 150, "pulse": 70}[parameter]
    for side in (1, -1):
        away = sorted(
            {v for v in values if (v - middle) * side >= 0}, key=lambda v: (v - middle) * side
        )
        points = [
            compute(replace(NORMAL, **{parameter: Decimal(v)})).sub_scores[parameter] for v in away
        ]
        assert all(first <= second for first, second in pairwise(points))


@pytest.mark.req("NW-06")
@given(st.decimals(25, 45, places=3), st.decimals(50, 100, places=2), st.booleans())
def test_a_stored_score_is_computed_again_from_its_stored_inputs(
    temperature: Decimal, spo2: Decimal, oxygen: bool
) -> None:
    first = compute(replace(NORMAL, temperature=temperature, spo2=spo2, supplemental_oxygen=oxygen))
    inputs: dict[str, Any] = dict(first.inputs)
    inputs["supplemental_oxygen"] = inputs["supplemental_oxygen"] == "oxygen"
    for name in news2.RESOLUTION:
        inputs[name] = Decimal(inputs[name])
    assert compute(Observations(**inputs)) == first
    assert (first.algorithm, first.algorithm_version) == ("news2", "1.0")


def reading(code: str, text: str, minutes: int = 0, **changes: Any) -> Observed:
    coded = code in ("consciousness", "supplemental_oxygen")
    facts: dict[str, Any] = {"coded_value": text} if coded else {"value": Decimal(text)}
    at = AT + timedelta(minutes=minutes)
    return Observed(f"{code}{minutes}", code, at, **{**facts, **changes})


def observed(**minutes: int) -> list[Observed]:
    values = {
        "respiratory_rate": "16", "spo2": "97", "supplemental_oxygen": "false",
        "systolic_bp": "120", "heart_rate": "80", "consciousness": "A", "temperature": "37",
    }  # fmt: skip
    return [reading(code, value, minutes.get(code, 0)) for code, value in values.items()]


@pytest.mark.req("NW-05")
def test_a_parameter_taken_too_long_before_the_others_is_missing() -> None:
    closed = AT + timedelta(hours=1)
    inside = collect(observed(temperature=30), closed_at=closed)
    assert compute(inside.observations).is_complete
    outside = collect(observed(temperature=31), closed_at=closed)
    assert len(compute(outside.observations).missing) == 6


def test_pulse_is_taken_before_heart_rate() -> None:
    both = [*observed(), reading("pulse_rate", "90")]
    chosen = collect(both, closed_at=AT)
    assert (chosen.observations.pulse, chosen.used["pulse"]) == (Decimal(90), "pulse_rate0")
    assert collect(observed(), closed_at=AT).observations.pulse == Decimal(80)


@pytest.mark.parametrize(
    "changes",
    [
        {"setting": "home"},
        {"originator": "participant"},
        {"originator": "caregiver"},
        {"status": "artifact"},
        {"status": "entered_in_error"},
        {"status": "preliminary"},
        {"comparator": "<"},
        {"flags": ("implausible",)},
        {"value": None},
    ],
)
def test_a_reading_in_doubt_or_from_home_is_not_scored(changes: dict[str, Any]) -> None:
    rest = [one for one in observed() if one.code != "spo2"]
    chosen = collect([*rest, reading("spo2", "80", **changes)], closed_at=AT)
    assert compute(chosen.observations).missing == ("spo2",)


def test_what_is_measured_after_closing_belongs_to_the_next_set() -> None:
    later = [*observed(), reading("spo2", "80", 5)]
    assert collect(later, closed_at=AT).observations.spo2 == Decimal(97)
    assert collect([], closed_at=AT).observations == Observations()


def test_a_monitor_gives_the_median_of_a_minute_without_artifacts() -> None:
    samples = [Sample(AT - timedelta(seconds=s), Decimal(80 + s % 3)) for s in range(60)]
    samples += [Sample(AT - timedelta(seconds=5), Decimal(250), is_artifact=True)] * 70
    samples += [Sample(AT - timedelta(seconds=60), Decimal(10))] * 200
    assert monitor_value(samples, closed_at=AT) == Decimal(81)
    assert monitor_value([], closed_at=AT) is None
