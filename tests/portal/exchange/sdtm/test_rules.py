"""The finding rules, one contradiction at a time."""

import string
from decimal import Decimal

import pytest

from portal.core.partial_dates import Answer, PartialDateTime
from portal.exchange.sdtm.rules import events, results, visits
from portal.exchange.sdtm.rules.catalog import RULES, Severity

DAY = PartialDateTime("2013-05-17")
BEFORE = PartialDateTime("2013-05-16")
MONTH = PartialDateTime("2013-05")
PLAN = {
    Decimal(4): visits.PlannedVisit(Decimal(4), "WEEK 2", 14),
    Decimal(101): visits.PlannedVisit(Decimal(101), "AE FOLLOW-UP", None),
}


def test_every_rule_has_an_owner_words_and_a_source() -> None:
    for rule in RULES.values():
        assert rule.owner and rule.source and rule.message.endswith(".")
        assert all(name for _, name, _, _ in string.Formatter().parse(rule.message) if name)


def test_safety_rules_belong_to_the_safety_officer() -> None:
    assert {rule.owner for rule in RULES.values() if rule.severity is Severity.SAFETY} == {
        "safety_officer"
    }


def test_only_the_arm_rule_is_unblinding() -> None:
    assert [rule.id for rule in RULES.values() if rule.is_unblinding] == [
        "planned_arm_differs_from_actual"
    ]


@pytest.mark.parametrize("criterion", ["AESDTH", "AESLIFE", "AESHOSP", "AESMIE", "AESCAN"])
def test_a_criterion_while_not_serious(criterion: str) -> None:
    assert events.has_criterion_without_serious_flag({"AESER": "N", criterion: "Y"})
    assert not events.has_criterion_without_serious_flag({"AESER": "Y", criterion: "Y"})
    assert not events.has_criterion_without_serious_flag({"AESER": "N", criterion: "N"})


def test_serious_without_a_criterion() -> None:
    assert events.is_serious_without_criterion({"AESER": "Y", "AESDTH": "N"})
    assert not events.is_serious_without_criterion({"AESER": "Y", "AESDTH": "Y"})


@pytest.mark.parametrize(
    ("outcome", "death", "differ"),
    [
        ("FATAL", "Y", False),
        ("FATAL", "N", True),
        ("RECOVERED/RESOLVED", "Y", True),
        ("FATAL", "", False),
    ],
)
def test_outcome_and_death_criterion(outcome: str, death: str, differ: bool) -> None:
    event = {"AEOUT": outcome, "AESDTH": death}
    assert events.fatal_outcome_and_death_differ(event) is differ


def test_an_end_date_contradicts_not_recovered_only() -> None:
    assert events.ends_while_not_recovered(DAY, "not_recovered")
    assert not events.ends_while_not_recovered(DAY, "recovering")
    assert not events.ends_while_not_recovered(None, "not_recovered")


def test_recovered_needs_an_end_date() -> None:
    assert events.is_recovered_without_end("", "recovered")
    assert not events.is_recovered_without_end("2013", "recovered")


def test_an_end_before_the_start() -> None:
    assert events.ends_before_start(DAY, BEFORE) is Answer.YES
    assert events.ends_before_start(DAY, DAY) is Answer.CANNOT_TELL
    assert events.ends_before_start(BEFORE, DAY) is Answer.NO


def test_a_start_after_it_was_recorded() -> None:
    assert events.starts_after_collection(DAY, BEFORE) is Answer.YES
    assert events.starts_after_collection(MONTH, DAY) is Answer.CANNOT_TELL


def test_onset_is_undecidable_only_when_both_dates_are_there() -> None:
    assert events.is_onset_undecidable(DAY, DAY)
    assert events.is_onset_undecidable(MONTH, DAY)
    assert not events.is_onset_undecidable(BEFORE, DAY)
    assert not events.is_onset_undecidable(DAY, None)


def test_the_flag_contradicts_only_dates_that_decide() -> None:
    assert events.treatment_emergent_flag_differs("Y", BEFORE, DAY)
    assert events.treatment_emergent_flag_differs("N", DAY, BEFORE)
    assert not events.treatment_emergent_flag_differs("N", DAY, DAY)
    assert not events.treatment_emergent_flag_differs("", BEFORE, DAY)


def test_arms_differ_only_when_both_are_known() -> None:
    assert events.arms_differ("Xan_Hi", "Xan_Lo")
    assert not events.arms_differ("Xan_Hi", "")


def test_something_dated_after_the_death() -> None:
    assert events.is_dated_after_death(DAY, BEFORE) is Answer.YES
    assert events.is_dated_after_death(DAY, MONTH) is Answer.CANNOT_TELL


def test_an_exposure_that_never_ended() -> None:
    assert events.is_exposure_open_after_end("", DAY)
    assert not events.is_exposure_open_after_end("", None)
    assert not events.is_exposure_open_after_end("2013", DAY)


@pytest.mark.parametrize(
    ("number", "name", "day", "why"),
    [
        ("4", "WEEK 2", 14, ""),
        ("4", "Week 2 ", None, ""),
        ("4.1", "UNSCHEDULED 4.1", None, ""),
        ("101", "AE FOLLOW-UP", 20, ""),
        ("4.1", "WEEK 3", None, "the plan has no visit number 4.1"),
        ("4", "WEEK 4", 14, "number 4 is WEEK 2 in the plan"),
        ("4", "WEEK 2", 15, "the plan puts it on day 14, not 15"),
    ],
)
def test_a_visit_against_the_plan(number: str, name: str, day: int | None, why: str) -> None:
    assert visits.misfit_with_plan(Decimal(number), name, day, PLAN) == why


def test_without_a_plan_nothing_can_misfit() -> None:
    assert visits.misfit_with_plan(Decimal(9), "WEEK 9", None, {}) == ""


@pytest.mark.parametrize(
    ("before", "after", "implausible"), [(100, 110, True), (100, "109.9", False), (78, 44, True)]
)
def test_a_jump_in_weight(before: float, after: float | str, implausible: bool) -> None:
    assert results.is_implausible_jump(Decimal(before), Decimal(after)) is implausible


def test_diastolic_must_be_below_systolic() -> None:
    assert results.is_diastolic_not_below_systolic(Decimal(80), Decimal(80))
    assert not results.is_diastolic_not_below_systolic(Decimal(120), Decimal(80))


def test_a_standard_result_may_be_rounded_but_not_another_value() -> None:
    assert not results.standard_result_differs(Decimal("78.01788764"), Decimal("78.02"))
    assert results.standard_result_differs(Decimal("78.01788764"), Decimal("79.02"))


@pytest.mark.parametrize(
    ("value", "low", "high", "indicator"),
    [
        (1, 2, 5, "LOW"),
        (6, 2, 5, "HIGH"),
        (5, 2, 5, "NORMAL"),
        (5, None, None, ""),
        (6, None, 5, "HIGH"),
    ],
)
def test_a_reference_range_includes_its_limits(
    value: int, low: int | None, high: int | None, indicator: str
) -> None:
    def decimal(number: int | None) -> Decimal | None:
        return None if number is None else Decimal(number)

    assert results.range_indicator(Decimal(value), decimal(low), decimal(high)) == indicator


def test_a_stated_study_day_must_be_the_one_of_the_dates() -> None:
    assert results.study_day_differs(366, DAY, DAY)
    assert not results.study_day_differs(1, DAY, DAY)
    assert not results.study_day_differs(366, MONTH, DAY)


def test_keys_that_repeat() -> None:
    keys = [("S-1", "1"), ("S-1", "2"), ("S-2", "1"), ("S-1", "1")]
    assert results.repeated_keys(keys) == {("S-1", "1")}
