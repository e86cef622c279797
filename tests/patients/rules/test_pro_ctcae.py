"""The composite grade follows its rules, whatever table the instrument brings."""

import copy
from decimal import Decimal
from itertools import combinations as subsets
from typing import Any

import pytest

from patients.rules.instruments import NotADefinition, decode, scores
from trials.rules.grade_tables import ATTRIBUTES, combinations, key

SETS = [names for size in (1, 2, 3) for names in subsets(ATTRIBUTES, size)]


def made_up(levels: tuple[int, ...]) -> int:
    """Grade by a rule that no published table follows: more is not worse."""
    return sum(levels) % 4


def definition(*attributes: str) -> dict[str, Any]:
    grades = {key(levels): made_up(levels) for levels in combinations(attributes)}
    return {
        "items": [
            {"code": name, "type": "integer", "unscored": ["not_applicable"]} for name in attributes
        ],
        "scores": [
            {
                "name": "hiccups",
                "algorithm": "pro_ctcae_composite",
                "items": {name: name for name in attributes},
            }
        ],
        "grade_tables": [{"attributes": list(attributes), "grades": grades}],
    }


def grade(attributes: tuple[str, ...], *levels: Any) -> Decimal | None:
    answers = dict(zip(attributes, levels, strict=False))
    (score,) = scores(decode(definition(*attributes)), answers)
    return score.value


@pytest.mark.req("PRO-08")
@pytest.mark.parametrize("attributes", SETS)
def test_the_grade_is_the_one_in_the_definitions_own_table(attributes: tuple[str, ...]) -> None:
    decoded = decode(definition(*attributes))
    for levels in combinations(attributes):
        (score,) = scores(decoded, dict(zip(attributes, levels, strict=True)))
        assert score.value == made_up(levels)
        assert (score.algorithm, score.algorithm_version) == ("pro_ctcae_composite", "2.0")


@pytest.mark.parametrize("attributes", SETS)
def test_at_0_of_the_leading_attribute_the_grade_is_0_and_nothing_else_is_asked(
    attributes: tuple[str, ...],
) -> None:
    assert grade(attributes, 0) == 0
    assert grade(attributes, 0, 3, 3) == 0


@pytest.mark.parametrize(
    "levels", [(), (2,), (2, None, 1), (None, 1, 1), (2, "not_applicable", 1), (0, 5), (2, 1, 5)]
)
def test_what_is_missing_or_beyond_the_scale_leaves_the_grade_missing(
    levels: tuple[Any, ...],
) -> None:
    assert grade(ATTRIBUTES, *levels) is None


@pytest.mark.parametrize(
    ("table", "pointer", "code"),
    [
        (None, "/grade_tables", "required"),
        ({"attributes": ["severity"]}, "/grade_tables/0/grades", "incomplete"),
        ({"attributes": ["mood"]}, "/grade_tables/0/attributes", "unknown_attributes"),
        ({"attributes": []}, "/grade_tables/0/attributes", "unknown_attributes"),
        (
            {"attributes": ["interference", "severity"]},
            "/grade_tables/0/attributes",
            "unknown_attributes",
        ),
        (
            {"attributes": ["severity", "severity"]},
            "/grade_tables/0/attributes",
            "unknown_attributes",
        ),
        ({"source": "me"}, "/grade_tables/0/source", "unknown_member"),
    ],
)
def test_a_table_that_is_no_table_is_refused_where_it_is_wrong(
    table: dict[str, Any] | None, pointer: str, code: str
) -> None:
    content = definition("severity")
    if table is None:
        del content["grade_tables"]
    elif "attributes" in table:
        content["grade_tables"] = [{"grades": {}, **table}]
    else:
        content["grade_tables"][0] |= table
    assert (pointer, code) in faults(content)


@pytest.mark.parametrize(
    ("levels", "given", "code"),
    [
        ("4", 4, "not_a_grade"),
        ("4", -1, "not_a_whole_number"),
        ("4", True, "not_a_whole_number"),
        ("4", 1.5, "not_a_whole_number"),
        ("4", "1", "not_a_whole_number"),
        ("0", 0, "unknown_member"),
        ("5", 1, "unknown_member"),
        ("1 1", 1, "unknown_member"),
    ],
)
def test_a_grade_or_combination_that_cannot_be_is_refused(
    levels: str, given: Any, code: str
) -> None:
    content = definition("severity")
    content["grade_tables"][0]["grades"][levels] = given
    assert faults(content) == {(f"/grade_tables/0/grades/{levels}", code)}


def test_a_set_of_attributes_has_one_table() -> None:
    content = definition("severity")
    content["grade_tables"].append(copy.deepcopy(content["grade_tables"][0]))
    assert faults(content) == {("/grade_tables/1/attributes", "repeated")}


def faults(content: dict[str, Any]) -> set[tuple[str, str]]:
    with pytest.raises(NotADefinition) as refused:
        decode(content)
    return {(error.pointer, error.code) for error in refused.value.errors}
