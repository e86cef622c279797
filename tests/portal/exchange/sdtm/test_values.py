"""SDTM values to the portal's, without inventing anything."""

from decimal import Decimal

import pytest

from portal.core.partial_dates import Answer
from portal.exchange.sdtm.values import vocabulary
from portal.exchange.sdtm.values.dates import (
    DateProblem,
    is_before,
    read_date,
    study_day,
)
from portal.exchange.sdtm.values.numbers import read_decimal, read_number, text_of


@pytest.mark.parametrize(
    "text",
    ["2013", "2013-05", "2013-05-17", "2013-05-17T08:30", "2013---17", "-----T07:00", "--12-15"],
)
def test_a_date_keeps_its_text_and_gets_no_zone(text: str) -> None:
    reading = read_date(text)
    assert reading.value is not None
    assert (reading.value.text, reading.value.zone, reading.problem) == (text, None, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2013-02-30", DateProblem.IMPOSSIBLE),
        ("2013-13", DateProblem.IMPOSSIBLE),
        ("2013-05-17T25:00", DateProblem.IMPOSSIBLE),
        ("2013-05-17/2013-05-19", DateProblem.INTERVAL),
        ("P3D", DateProblem.DURATION),
        ("17MAY2013", DateProblem.NOT_ISO_8601),
        ("unknown", DateProblem.NOT_ISO_8601),
        ("-", DateProblem.IMPOSSIBLE),
    ],
)
def test_what_is_no_date_says_why(text: str, problem: DateProblem) -> None:
    assert (read_date(text).value, read_date(text).problem) == (None, problem)


def test_a_blank_date_is_neither_a_date_nor_a_problem() -> None:
    assert read_date("  ") == read_date("")
    assert read_date("").problem is None


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("2013-05-16", "2013-05-17", Answer.YES),
        ("2013-05-17", "2013-05-17", Answer.CANNOT_TELL),
        ("2013-05-18", "2013-05-17", Answer.NO),
        ("2013-04", "2013-05-17", Answer.YES),
        ("2013-05", "2013-05-17", Answer.CANNOT_TELL),
        ("2013", "2014", Answer.YES),
        ("2013-05-17T08:00", "2013-05-17T08:01", Answer.YES),
        ("2013-05-17T08:00", "2013-05-17", Answer.CANNOT_TELL),
    ],
)
def test_dates_of_one_place_compare_without_their_zone(
    first: str, second: str, answer: Answer
) -> None:
    assert is_before(read_date(first).value, read_date(second).value) is answer


def test_a_missing_date_cannot_be_compared() -> None:
    assert is_before(None, read_date("2013").value) is Answer.CANNOT_TELL


@pytest.mark.parametrize(
    ("date", "day"),
    [("2013-05-17", 1), ("2013-05-16", -1), ("2013-05-18T09:00", 2), ("2013-05", None)],
)
def test_there_is_no_study_day_zero(date: str, day: int | None) -> None:
    assert study_day(read_date(date).value, read_date("2013-05-17").value) == day


@pytest.mark.parametrize(
    ("given", "comparator", "value"),
    [
        ("3.42", "", "3.42"),
        ("<3.42", "<", "3.42"),
        (">= 40", ">=", "40"),
        ("≤5", "<=", "5"),
        (".5", "", "0.5"),
        ("098.0", "", "98.0"),
        ("-1e3", "", "-1E+3"),
        (7, "", "7"),
        (8.55, "", "8.55"),
    ],
)
def test_a_number_keeps_its_comparator(given: str | float, comparator: str, value: str) -> None:
    number = read_number(given)
    assert number is not None
    assert (number.comparator, number.value) == (comparator, Decimal(value))


@pytest.mark.parametrize(
    "given", ["", "N", "NEGATIVE", "1,5", "<", "١٢", "NaN", "1e999", None, True]
)
def test_what_is_no_number_is_none(given: str | None) -> None:
    assert read_number(given) is None


def test_a_number_with_a_comparator_does_not_stand_for_itself() -> None:
    assert read_decimal("<3.42") is None
    assert read_decimal("3.42") == Decimal("3.42")


def test_cells_become_text_without_a_decimal_point_of_their_own() -> None:
    assert (text_of(3), text_of(3.5), text_of(None), text_of(" a ")) == ("3", "3.5", "", "a")


def test_blank_seriousness_criteria_are_unknown() -> None:
    answers = vocabulary.seriousness_criteria({"AESDTH": "Y", "AESLIFE": "N", "AESHOSP": ""})
    assert answers == {
        "death": "yes",
        "life_threatening": "no",
        "hospitalization": "unknown",
        "disability": "unknown",
        "congenital_anomaly": "unknown",
        "other_medically_important": "unknown",
    }


def test_cancer_and_overdose_are_medically_important() -> None:
    for variable in ("AESCAN", "AESOD"):
        answers = vocabulary.seriousness_criteria({"AESMIE": "N", variable: "Y"})
        assert answers["other_medically_important"] == "yes"
    assert vocabulary.seriousness_criteria({"AESCAN": "N"})["other_medically_important"] == (
        "unknown"
    )


def test_a_foreign_term_is_told_from_a_blank() -> None:
    assert vocabulary.coded(vocabulary.OUTCOMES, "") == vocabulary.Coded("", is_listed=True)
    assert vocabulary.coded(vocabulary.OUTCOMES, "GONE") == vocabulary.Coded("", is_listed=False)
    assert vocabulary.coded(vocabulary.OUTCOMES, "fatal").code == "fatal"


@pytest.mark.parametrize(
    ("term", "participation"),
    [
        ("COMPLETED", "completed"),
        ("SCREEN FAILURE", "screen_failed"),
        ("LOST TO FOLLOW-UP", "lost_to_follow_up"),
        ("ADVERSE EVENT", "discontinued"),
        ("WITHDRAWAL BY SUBJECT", "discontinued"),
    ],
)
def test_a_disposition_ends_participation(term: str, participation: str) -> None:
    assert vocabulary.participation_after(term) == participation


def test_arm_codes_that_say_no_arm() -> None:
    assert vocabulary.is_no_arm("Scrnfail")
    assert not vocabulary.is_no_arm("Pbo")
