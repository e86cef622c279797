"""Vital signs as given become canonical: one table, exact, and nothing is refused for its size."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.rules import units
from patients.rules.vital_codes import NotAMeasurement, canonical, cdisc_unit, convert
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import VitalCode

LIMITS = [
    ("heart_rate", "0", "350"),
    ("pulse_rate", "0", "350"),
    ("systolic_bp", "0", "350"),
    ("diastolic_bp", "0", "250"),
    ("respiratory_rate", "0", "120"),
    ("spo2", "0", "100"),
    ("temperature", "20", "46"),
    ("weight", "0.2", "700"),
    ("height", "20", "280"),
    ("blood_glucose", "0", "120"),
    ("pain_score", "0", "10"),
]
SCALES = [
    (code, unit)
    for code, measure in VITAL_CODES.items()
    for unit in measure.accepts
    if measure.is_numeric
]


def test_every_code_of_the_codelist_has_its_row() -> None:
    assert set(VITAL_CODES) == set(VitalCode.values)


@pytest.mark.req("F87")
@pytest.mark.parametrize(
    ("code", "text", "unit", "value", "canonical_unit", "factor"),
    [
        ("temperature", "98.6", "[degF]", "37.0", "Cel", "(x - 32) * 5/9"),
        ("temperature", "98.6", "F", "37.0", "Cel", "(x - 32) * 5/9"),
        ("temperature", "36.6", "C", "36.6", "Cel", ""),
        ("weight", "172", "LB", "78.01788764", "kg", "0.45359237"),
        ("weight", "55500", "g", "55.5", "kg", "0.001"),
        ("height", "70", "in", "177.80", "cm", "2.54"),
        ("height", "1.78", "m", "178", "cm", "100"),
        ("systolic_bp", "120", "mmHg", "120", "mm[Hg]", ""),
        ("systolic_bp", "13.3322", "kPa", "100", "mm[Hg]", "1/0.133322"),
        ("pulse_rate", "72", "beats/min", "72", "/min", ""),
        ("respiratory_rate", "14", "breaths/min", "14", "/min", ""),
        ("blood_glucose", "180.16", "mg/dL", "10", "mmol/L", "1/18.016"),
        ("spo2", "97", "%", "97", "%", ""),
        ("pain_score", "7", "{score}", "7", "{score}", ""),
        ("fio2", "21", "%", "21", "%", ""),
        ("oxygen_flow_rate", "2.5", "L/min", "2.5", "L/min", ""),
    ],
)
def test_a_value_is_converted_exactly_and_tells_its_factor(
    code: str, text: str, unit: str, value: str, canonical_unit: str, factor: str
) -> None:
    found = canonical(code, text, unit)
    assert (found.value, found.unit) == (Decimal(value), canonical_unit)
    assert (found.factor, found.flags) == (factor, ())


@pytest.mark.req("F88")
@given(st.sampled_from(SCALES), st.decimals(min_value=0, max_value=10_000, places=6))
def test_a_conversion_leads_back_to_what_was_given(scale: tuple[str, str], value: Decimal) -> None:
    code, unit = scale
    conversion = VITAL_CODES[code].accepts[unit]
    back = conversion.invert(conversion.apply(value))
    assert abs(back - value) < Decimal("1e-40")


@pytest.mark.parametrize(("code", "low", "high"), LIMITS)
def test_limits_themselves_are_plausible_and_what_lies_beyond_is_not(
    code: str, low: str, high: str
) -> None:
    unit, step = VITAL_CODES[code].unit, Decimal("1" if code == "pain_score" else "0.000001")
    assert not convert(code, Decimal(low), unit).is_implausible
    assert not convert(code, Decimal(high), unit).is_implausible
    assert convert(code, Decimal(low) - step, unit).is_implausible
    assert convert(code, Decimal(high) + step, unit).is_implausible


@pytest.mark.req("F87")
def test_fahrenheit_called_celsius_is_stored_and_flagged() -> None:
    found = canonical("temperature", "101.3", "Cel")
    assert (found.value, found.flags) == (Decimal("101.3"), ("implausible",))


@pytest.mark.parametrize(
    ("text", "comparator", "implausible"),
    [
        ("20", "<", True),
        ("20.1", "<", False),
        ("50", "<", False),
        ("46", ">", True),
        ("45.9", ">", False),
        ("10", ">", False),
        ("46", "", False),
    ],
)
def test_a_value_beyond_measuring_is_judged_by_what_it_leaves_possible(
    text: str, comparator: str, implausible: bool
) -> None:
    assert canonical("temperature", text, "Cel", comparator).is_implausible is implausible


def test_half_a_pain_score_is_kept_and_flagged() -> None:
    assert canonical("pain_score", "3.5", "{score}").is_implausible


@pytest.mark.req("F80")
@pytest.mark.parametrize(
    "text", ["", " 72", "72 ", "true", "NaN", "Infinity", "-inf", "١٢", "0x10", "7,2", "1_0", "<3"]
)
def test_what_is_no_finite_decimal_is_refused(text: str) -> None:
    with pytest.raises(NotAMeasurement) as refused:
        canonical("heart_rate", text, "/min")
    assert (refused.value.code, refused.value.field) == ("not_a_finite_decimal", "value")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9e9, max_value=9e9))
def test_no_finite_number_is_refused_for_its_size(value: Decimal) -> None:
    assert canonical("heart_rate", str(value), "/min").value == value


@pytest.mark.parametrize(
    ("code", "unit"),
    [("weight", "cm"), ("weight", ""), ("heart_rate", "kg"), ("consciousness", "%")],
)
def test_a_unit_of_another_dimension_is_refused(code: str, unit: str) -> None:
    with pytest.raises(NotAMeasurement) as refused:
        canonical(code, "A" if code == "consciousness" else "1", unit)
    assert (refused.value.code, refused.value.field) == ("unknown_unit", "unit")


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(NotAMeasurement) as refused:
        canonical("mood", "1", "")
    assert (refused.value.code, refused.value.field) == ("unknown_code", "code")


def test_a_comparator_is_below_or_above() -> None:
    for code, text, unit in (("spo2", "70", "%"), ("consciousness", "A", "")):
        with pytest.raises(NotAMeasurement) as refused:
            canonical(code, text, unit, "<=")
        assert (refused.value.code, refused.value.field) == ("unknown_comparator", "comparator")


@pytest.mark.parametrize("level", ["A", "C", "V", "P", "U"])
def test_consciousness_is_one_of_five_levels(level: str) -> None:
    found = canonical("consciousness", level, "")
    assert (found.value, found.coded_value, found.unit) == (None, level, "")


@pytest.mark.parametrize(
    ("code", "text"), [("consciousness", "X"), ("consciousness", "a"), ("supplemental_oxygen", "1")]
)
def test_a_coded_value_outside_its_list_is_refused(code: str, text: str) -> None:
    with pytest.raises(NotAMeasurement) as refused:
        canonical(code, text, "")
    assert (refused.value.code, refused.value.field) == ("unknown_value", "value")


@pytest.mark.parametrize(("code", "unit"), SCALES)
def test_every_accepted_unit_has_a_cdisc_name_that_leads_back(code: str, unit: str) -> None:
    assert units.ucum(cdisc_unit(code, unit)) == unit


def test_rates_are_named_by_what_is_counted() -> None:
    assert cdisc_unit("pulse_rate", "/min") == "beats/min"
    assert cdisc_unit("respiratory_rate", "/min") == "breaths/min"


def test_units_of_the_laboratory_are_spelled_both_ways() -> None:
    assert (units.ucum("mEq/L"), units.cdisc("meq/L")) == ("meq/L", "mEq/L")
    assert units.ucum("umol/L") == "umol/L"
