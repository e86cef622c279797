"""The checker names each kind of damage; otherwise its zeros would mean nothing."""

import pytest

from portal.core.ids import uuid7
from portal.demo.simulation.phone import Line, Step
from tests.rig.checker import Key, Stored, Verdict, judge

SOUND = {"effects": {"readings": 2}, "expected": {"readings": 2}}
TWICE = {"effects": {"readings": 4}, "expected": {"readings": 2}}


def history(key: Key, *steps: Step, body: str = "as sent") -> list[Line]:
    patient, submission = key
    return [
        Line(step, "intake/epro-reports/", submission, patient, body, float(place))
        for place, step in enumerate(steps)
    ]


@pytest.fixture
def key() -> Key:
    return uuid7(), uuid7()


ACCEPTED = (Step.INVOKE, Step.INFO, Step.INVOKE, Step.OK)


def test_what_was_accepted_and_is_there_as_sent_is_clean(key: Key) -> None:
    judgment = judge(history(key, *ACCEPTED), {key: Stored("as sent", **SOUND)})
    assert judgment.is_clean
    assert judgment.text().startswith("0 lost in 1, 0 duplicated effect in 1")


@pytest.mark.parametrize(
    ("steps", "stored", "verdict"),
    [
        (ACCEPTED, None, Verdict.LOST),
        (ACCEPTED, Stored("altered", **SOUND), Verdict.CORRUPT),
        (ACCEPTED, Stored("as sent", is_sound=False, **SOUND), Verdict.CORRUPT),
        (ACCEPTED, Stored("as sent", **TWICE), Verdict.DUPLICATED_EFFECT),
        (ACCEPTED, Stored("as sent", effects={}, expected={"x": 1}), Verdict.MISSING_EFFECT),
        (ACCEPTED, Stored("as sent", seconds_to_effect=4000, **SOUND), Verdict.LATE),
        ((), Stored("never sent", **SOUND), Verdict.UNEXPECTED),
        ((Step.INVOKE, Step.FAIL), Stored("as sent", **SOUND), Verdict.UNEXPECTED),
    ],
)  # fmt: skip
def test_every_kind_of_damage_is_named(
    key: Key, steps: tuple[Step, ...], stored: Stored | None, verdict: Verdict
) -> None:
    judgment = judge(history(key, *steps), {key: stored} if stored else {})
    assert not judgment.is_clean
    assert list(judgment.found[verdict]) == [key]


@pytest.mark.parametrize("steps", [(Step.INVOKE, Step.INFO), (Step.INVOKE,)])
def test_what_nobody_saw_the_end_of_may_be_there_and_may_not(
    key: Key, steps: tuple[Step, ...]
) -> None:
    there = judge(history(key, *steps), {key: Stored("as sent", **SOUND)})
    assert there.is_clean
    assert list(there.found[Verdict.RECOVERED]) == [key]
    assert judge(history(key, *steps), {}).is_clean


def test_what_was_refused_and_is_not_there_is_clean(key: Key) -> None:
    assert judge(history(key, Step.INVOKE, Step.FAIL), {}).is_clean
