"""Answers are held against the instrument; what the patient gave is never made missing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.rules.instruments import (
    InstrumentDefinition,
    NotADefinition,
    check_answers,
    decode,
    safety_answers,
    scores,
)
from patients.rules.scoring import ALGORITHMS
from patients.vocabulary import MissingReason
from trials.rules.instruments import ALGORITHM_PARTS
from trials.services.instruments import shipped

SCALE = {"type": "integer", "minimum": 0, "maximum": 10}
EMERGENCY = [{"country": "*", "language": "en", "text": "Call."}]


@pytest.fixture(scope="module")
def diary() -> InstrumentDefinition:
    return decode(shipped("daily-diary", "1.0")["definition"])


def one(**item: Any) -> InstrumentDefinition:
    return decode({"items": [{"code": "q", **item}], "emergency": EMERGENCY})


def test_every_algorithm_of_a_definition_can_be_computed() -> None:
    assert set(ALGORITHMS) == set(ALGORITHM_PARTS)


def test_the_portals_own_diary_is_in_every_language_and_calls_somebody(
    diary: InstrumentDefinition,
) -> None:
    assert all({"en", "zh-Hans"} <= set(item.text) for item in diary.items.values())
    assert [item.code for item in diary.safety_items] == ["self_harm"]
    assert "911" in diary.emergency_text("US", "en")
    assert "120" in diary.emergency_text("CN", "zh-Hans")
    assert "local emergency number" in diary.emergency_text("BR", "pt")
    assert "120" in diary.emergency_text("CN", "en")
    assert diary.emergency_text("US", "zh-Hans").startswith("您")


def test_the_example_report_is_kept_and_its_gaps_are_named(diary: InstrumentDefinition) -> None:
    checked = check_answers(diary, {"pain": 3, "nausea": 1, "note": "felt dizzy"}, {})
    assert checked.values == {"pain": 3, "nausea": 1, "note": "felt dizzy"}
    left = ("fatigue", "sleep", "mood", "self_harm")
    assert checked.missing_reasons == dict.fromkeys(left, "not_answered")
    assert checked.problems == ()


@pytest.mark.parametrize("reason", MissingReason.values)
def test_the_reason_given_is_kept(diary: InstrumentDefinition, reason: str) -> None:
    assert check_answers(diary, {}, {"pain": reason}).missing_reasons["pain"] == reason


def test_an_optional_item_left_out_is_not_missing(diary: InstrumentDefinition) -> None:
    assert "note" not in check_answers(diary, {}, {}).missing_reasons
    assert check_answers(diary, {"note": None}, {}).missing_reasons["note"] == "not_answered"


@pytest.mark.parametrize(
    ("item", "answer", "problem"),
    [
        (SCALE, 11, "above_maximum"),
        (SCALE, -1, "below_minimum"),
        (SCALE, 3.5, "not_a_whole_number"),
        (SCALE, True, "not_a_number"),
        (SCALE, "three", "not_a_number"),
        (SCALE, "٣", "not_a_number"),
        (SCALE, [3], "not_a_number"),
        (SCALE, float("nan"), "not_a_number"),
        ({"type": "decimal"}, {}, "not_a_number"),
        ({"type": "boolean"}, 1, "not_a_truth"),
        ({"type": "boolean"}, "true", "not_a_truth"),
        ({"type": "text"}, 7, "not_a_text"),
        ({"type": "text", "maximum_length": 3}, "four", "too_long"),
        ({"type": "date"}, "2026-13-01", "not_a_date"),
        ({"type": "choice", "choices": [{"value": 1}]}, 2, "not_a_choice"),
        ({"type": "choice", "choices": [{"value": 1}]}, True, "not_a_choice"),
        ({"type": "choice", "choices": [{"value": 1}]}, "1", "not_a_choice"),
        ({"type": "choice", "choices": [{"value": 1}]}, [1], "not_a_choice"),
    ],
)
def test_an_answer_that_does_not_fit_is_kept_as_given_and_told(
    item: dict[str, Any], answer: Any, problem: str
) -> None:
    checked = check_answers(one(**item), {"q": answer}, {})
    assert checked.values == {"q": answer}
    assert checked.missing_reasons == {}
    assert [(found.item, found.code) for found in checked.problems] == [("q", problem)]


@pytest.mark.parametrize(
    ("item", "answer"),
    [
        (SCALE, 0),
        (SCALE, 10),
        (SCALE, 3.0),
        (SCALE, "3"),
        ({**SCALE, "unscored": ["not_applicable"]}, "not_applicable"),
        ({"type": "decimal"}, "37.55"),
        ({"type": "boolean"}, False),
        ({"type": "text", "maximum_length": 4}, "four"),
        ({"type": "text"}, ""),
        ({"type": "date"}, "2026-02"),
        ({"type": "choice", "choices": [{"value": "a"}]}, "a"),
        ({"type": "choice", "multiple": True, "choices": [{"value": 1}, {"value": 2}]}, [1, 2]),
        ({"type": "choice"}, "anything"),
    ],
)
def test_an_answer_that_fits_makes_no_problem(item: dict[str, Any], answer: Any) -> None:
    checked = check_answers(one(**item), {"q": answer}, {})
    assert (checked.values, checked.problems) == ({"q": answer}, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = st.sampled_from(["pain", "nausea", "self_harm", "note", "Pain", "other"])


@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, st.text(max_size=12)))
def test_whatever_is_given_stays_and_is_never_called_missing(
    answers: dict[str, Any], missing: dict[str, str]
) -> None:
    diary = decode(shipped("daily-diary", "1.0")["definition"])
    checked = check_answers(diary, answers, missing)
    assert checked.values == {code: value for code, value in answers.items() if value is not None}
    assert not set(checked.values) & set(checked.missing_reasons)
    assert set(checked.missing_reasons.values()) <= set(MissingReason.values)
    assert len(scores(diary, checked.values)) == 1
    assert set(checked.missing_reasons) >= set(missing) - set(checked.values)


def test_an_answer_under_an_unknown_name_leaves_open_what_was_not_answered(
    diary: InstrumentDefinition,
) -> None:
    checked = check_answers(diary, {"Pain": 3}, {})
    assert checked.missing_reasons == {}
    told = {(problem.item, problem.code) for problem in checked.problems}
    assert {("Pain", "unknown_item"), ("pain", "no_answer_found")} <= told


def test_an_answer_beside_a_reason_stays_an_answer(diary: InstrumentDefinition) -> None:
    checked = check_answers(diary, {"pain": 0}, {"pain": "declined"})
    assert checked.values["pain"] == 0
    assert [problem.code for problem in checked.problems] == ["answered_and_missing"]


def test_an_unknown_reason_or_item_is_told(diary: InstrumentDefinition) -> None:
    checked = check_answers(diary, {}, {"pain": "dog ate it", "appetite": "declined"})
    assert checked.missing_reasons["pain"] == "not_answered"
    assert [(p.item, p.code, p.value) for p in checked.problems] == [
        ("pain", "unknown_missing_reason", "dog ate it"),
        ("appetite", "unknown_item", "declined"),
    ]


@pytest.mark.req("PRO-12")
@pytest.mark.parametrize(
    ("answer", "called", "understood"),
    [
        (True, True, True),
        (False, False, True),
        (None, False, True),
        (1, True, False),
        ("yes", True, False),
        ([], True, False),
    ],
)
def test_a_safety_answer_calls_somebody_even_when_it_cannot_be_understood(
    diary: InstrumentDefinition, answer: Any, called: bool, understood: bool
) -> None:
    found = safety_answers(diary, {"self_harm": answer})
    assert bool(found) is called
    assert all(one.is_understood is understood for one in found)


def test_a_safety_mark_may_lie_higher() -> None:
    definition = one(**SCALE, safety=True, safety_above=7, unscored=["not_applicable"])
    assert not safety_answers(definition, {"q": 7})
    assert safety_answers(definition, {"q": 8})
    assert safety_answers(definition, {"q": 99})
    assert not safety_answers(definition, {"q": "not_applicable"})


@pytest.mark.parametrize(
    ("content", "pointer", "code"),
    [
        ([], "", "not_an_object"),
        ({}, "/items", "not_a_list"),
        ({"items": []}, "/items", "not_a_list"),
        ({"items": [3]}, "/items/0", "not_an_object"),
        ({"items": [{"code": "q", "type": "slider"}]}, "/items/0/type", "unknown_word"),
        ({"items": [{"type": "text"}]}, "/items/0/code", "not_a_text"),
        (
            {"items": [{"code": "q", "type": "text", "safty": True}]},
            "/items/0/safty",
            "unknown_member",
        ),
        ({"items": [{"code": "q", "type": "text", "safety": 1}]}, "/items/0/safety", "not_a_truth"),
        (
            {"items": [{"code": "q", "type": "text", "safety": True}]},
            "/items/0/safety",
            "not_countable",
        ),
        ({"items": [{"code": "q", **SCALE, "safety": True}]}, "/emergency", "required"),
        ({"items": [{"code": "q", **SCALE, "minimum": 11}]}, "/items/0/minimum", "above_maximum"),
        ({"items": [{"code": "q", **SCALE, "minimum": "x"}]}, "/items/0/minimum", "not_a_number"),
        ({"items": [{"code": "q", **SCALE, "minimum": True}]}, "/items/0/minimum", "not_a_number"),
        (
            {"items": [{"code": "q", **SCALE, "multiple": True}]},
            "/items/0/multiple",
            "not_a_choice",
        ),
        ({"items": [{"code": "q", **SCALE, "text": 3}]}, "/items/0/text", "not_texts"),
        (
            {"items": [{"code": "q", **SCALE, "unscored": 3}]},
            "/items/0/unscored",
            "not_a_list_of_words",
        ),
        (
            {"items": [{"code": "q", "type": "text", "maximum_length": 0}]},
            "/items/0/maximum_length",
            "not_a_whole_number",
        ),
        (
            {"items": [{"code": "q", "type": "choice", "choices": [{"value": 1}, {"value": 1}]}]},
            "/items/0/choices",
            "repeated",
        ),
        (
            {"items": [{"code": "q", "type": "choice", "choices": [{"value": ""}]}]},
            "/items/0/choices/0/value",
            "not_a_value",
        ),
        ({"items": [{"code": "q", **SCALE}] * 2}, "/items", "repeated"),
        (
            {
                "items": [{"code": "q", **SCALE}],
                "scores": [{"name": "s", "algorithm": "sum", "items": ["x"]}],
            },
            "/scores/0/items",
            "unknown_item",
        ),
        (
            {"items": [{"code": "q", **SCALE}], "scores": [{"name": "s", "algorithm": "sum"}]},
            "/scores/0/items",
            "required",
        ),
        (
            {
                "items": [{"code": "q", **SCALE}],
                "scores": [{"name": "s", "algorithm": "phq9", "items": ["q"]}],
            },
            "/scores/0/items",
            "not_nine",
        ),
        (
            {"items": [{"code": "q", **SCALE}], "schedule": {"opens": "25:00", "closes": "23:00"}},
            "/schedule/opens",
            "not_a_wall_time",
        ),
    ],
)
def test_what_is_no_definition_is_refused_where_it_is_wrong(
    content: Any, pointer: str, code: str
) -> None:
    with pytest.raises(NotADefinition) as refused:
        decode(content)
    assert (pointer, code) in {(error.pointer, error.code) for error in refused.value.errors}


def test_every_fault_of_a_definition_is_told_at_once() -> None:
    with pytest.raises(NotADefinition) as refused:
        decode({"items": [{"code": "", "type": "x"}, {"code": "q", "type": "y"}], "extra": 1})
    assert len(refused.value.errors) == 4


@given(JSON)
def test_no_json_makes_the_decoder_fail_otherwise(content: Any) -> None:
    with pytest.raises(NotADefinition):
        decode(
            {
                "items": [content],
                "scores": content,
                "grade_tables": content,
                "emergency": content,
                "schedule": content or 1,
            }
        )
