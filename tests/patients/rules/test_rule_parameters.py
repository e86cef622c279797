"""What the decoder refuses is told at its place, in a sentence of ours."""

from typing import Any

import pytest

from patients.rules.risk import NotParameters, decode
from portal.core.errors import FieldError

LEVEL: dict[str, Any] = {
    "code": "temperature",
    "direction": "above",
    "set": 39,
    "reset": 38,
    "acknowledge_within_minutes": 30,
}


def refused(kind: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(NotParameters) as caught:
        decode(kind, parameters)
    parts: tuple[FieldError, ...] = caught.value.errors
    assert not any("`" in part.detail for part in parts), parts
    return [(part.pointer.removeprefix("/parameters"), part.code) for part in parts]


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"acknowledge_within_minutes": 0}, "/acknowledge_within_minutes", "min_value"),
        ({"acknowledge_within_minutes": 44_641}, "/acknowledge_within_minutes", "max_value"),
        ({"acknowledge_within_minutes": "soon"}, "/acknowledge_within_minutes", "invalid"),
        ({"age_from": 200}, "/age_from", "max_value"),
        ({"age_from": []}, "/age_from", "invalid"),
        ({"median_of": 2}, "/median_of", "invalid_choice"),
        ({"set": None}, "/set", "invalid"),
        ({"reset": "Infinity"}, "/reset", "not_finite"),
        ({"worse_by": 0}, "/worse_by", "positive"),
        ({"code": "pulse"}, "/code", "unknown_code"),
        ({"item": "pain"}, "/code", "one_of"),
        ({"age_from": 40, "age_below": 40}, "/age_below", "order"),
        ({"other": 1}, "/other", "unknown_field"),
    ],
)
def test_a_threshold_that_is_none_is_told_where(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    assert refused("threshold", {**LEVEL, **changes}) == [(pointer, code)]


def test_what_is_missing_is_named() -> None:
    assert refused("jump", {"acknowledge_within_minutes": 5}) == [("/code", "required")]


@pytest.mark.parametrize(("item", "code"), [("", "min_length"), ("x" * 61, "max_length")])
def test_a_text_is_as_long_as_it_may_be(item: str, code: str) -> None:
    told = {"acknowledge_within_minutes": 5, "item": item}
    assert refused("answer", told) == [("/item", code)]


def test_a_kind_that_is_none_is_told_as_such() -> None:
    assert refused("weather", LEVEL) == [("/kind", "unknown_kind")]
