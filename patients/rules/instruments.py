"""What a patient answered, held against what was asked.

An answer that was given is never made missing: what does not fit its item is kept as given and
becomes a problem that a person can look at. Scores skip it; a safety item does not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from patients.rules.scoring import ALGORITHMS
from patients.vocabulary import MissingReason
from trials.rules.instruments import (
    InstrumentDefinition,
    Item,
    ItemType,
    NotADefinition,
    ScoreDefinition,
    decode,
)

_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")

__all__ = [
    "CheckedAnswers",
    "ComputedScore",
    "InstrumentDefinition",
    "NotADefinition",
    "Problem",
    "SafetyAnswer",
    "check_answers",
    "decode",
    "safety_answers",
    "scores",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person must look at. `code` is a stable word."""

    item: str
    code: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class CheckedAnswers:
    """Answers as given, reasons for what was not answered, and what does not fit."""

    values: Mapping[str, Any]
    missing_reasons: Mapping[str, str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class SafetyAnswer:
    """An answer that calls somebody; one that could not be understood calls them too."""

    item: str
    value: Any
    is_understood: bool


@dataclass(frozen=True, slots=True)
class ComputedScore:
    """One score with all that is needed to compute it again."""

    name: str
    value: Decimal | None
    band: str
    algorithm: str
    algorithm_version: str
    inputs: Mapping[str, str | None]
    missing: tuple[str, ...]


def check_answers(
    definition: InstrumentDefinition, answers: Mapping[str, Any], missing: Mapping[str, str]
) -> CheckedAnswers:
    """Hold answers and reasons against the definition; nothing that was given is dropped."""
    values = {code: value for code, value in answers.items() if value is not None}
    problems = [*_misfits(definition, values)]
    problems += [
        Problem(code, "answered_and_missing", missing[code]) for code in values if code in missing
    ]
    reasons: dict[str, str] = {}
    for code, reason in missing.items():
        if code in values:
            continue
        if code not in definition.items:
            problems.append(Problem(code, "unknown_item", reason))
        if reason not in MissingReason.values:
            problems.append(Problem(code, "unknown_missing_reason", reason))
        reasons[code] = (
            reason if reason in MissingReason.values else MissingReason.NOT_ANSWERED.value
        )
    unplaced = any(code not in definition.items for code in values)
    for code, item in definition.items.items():
        if code in values or code in reasons or not (item.required or code in answers):
            continue
        if unplaced:
            # An answer under a name that we do not know may be this one: say so, claim nothing.
            problems.append(Problem(code, "no_answer_found"))
        else:
            reasons[code] = MissingReason.NOT_ANSWERED.value
    return CheckedAnswers(values, reasons, tuple(problems))


def _misfits(definition: InstrumentDefinition, values: Mapping[str, Any]) -> list[Problem]:
    found = []
    for code, value in values.items():
        item = definition.items.get(code)
        problem = "unknown_item" if item is None else misfit(item, value)
        if problem:
            found.append(Problem(code, problem, value))
    return found


def misfit(item: Item, value: Any) -> str:
    """Say why an answer does not fit its item, in a stable word; "" when it fits."""
    if isinstance(value, str) and value in item.unscored:
        return ""
    if item.type is ItemType.BOOLEAN:
        return "" if isinstance(value, bool) else "not_a_truth"
    if item.type is ItemType.CHOICE:
        return _misfit_choice(item, value)
    if item.type in (ItemType.TEXT, ItemType.DATE):
        return _misfit_text(item, value)
    return _misfit_number(item, value)


def _misfit_choice(item: Item, value: Any) -> str:
    if not item.choices:
        return ""
    chosen = value if item.multiple and isinstance(value, list) else [value]
    return "" if all(_choice_score(item, one)[0] for one in chosen) else "not_a_choice"


def _misfit_text(item: Item, value: Any) -> str:
    if not isinstance(value, str):
        return "not_a_text"
    if item.type is ItemType.DATE:
        return "" if _DATE.fullmatch(value) else "not_a_date"
    too_long = item.maximum_length is not None and len(value) > item.maximum_length
    return "too_long" if too_long else ""


def _misfit_number(item: Item, value: Any) -> str:
    number = _number(value)
    if number is None:
        return "not_a_number"
    if item.type is ItemType.INTEGER and number != number.to_integral_value():
        return "not_a_whole_number"
    if item.minimum is not None and number < item.minimum:
        return "below_minimum"
    if item.maximum is not None and number > item.maximum:
        return "above_maximum"
    return ""


def numeric(item: Item, value: Any) -> Decimal | None:
    """Return what an answer counts; None when it does not fit or counts for nothing."""
    if value is None or misfit(item, value):
        return None
    if item.type is ItemType.BOOLEAN:
        return Decimal(value)
    if item.type is ItemType.CHOICE:
        return None if isinstance(value, list) else _choice_score(item, value)[1]
    return _number(value) if item.type in (ItemType.INTEGER, ItemType.DECIMAL) else None


def _choice_score(item: Item, value: Any) -> tuple[bool, Decimal | None]:
    """Whether a value is a choice, and what it counts; true is not 1, "1" is not 1."""
    for choice in item.choices:
        if type(choice.value) is type(value) and choice.value == value:
            number = Decimal(choice.value) if isinstance(choice.value, int) else None
            return True, choice.score if choice.score is not None else number
    return False, None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        # A float goes by its shortest text: 0.1 was sent, not the binary number beside it.
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number if number.is_finite() else None
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def safety_answers(
    definition: InstrumentDefinition, values: Mapping[str, Any]
) -> tuple[SafetyAnswer, ...]:
    """Return the answers to safety items that are above their mark or cannot be understood."""
    found = []
    for item in definition.safety_items:
        value = values.get(item.code)
        if value is None or (isinstance(value, str) and value in item.unscored):
            continue
        number = numeric(item, value)
        if number is None or number > item.safety_above:
            found.append(SafetyAnswer(item.code, value, number is not None))
    return tuple(found)


def scores(definition: InstrumentDefinition, values: Mapping[str, Any]) -> list[ComputedScore]:
    """Compute every score of an instrument from answers as given."""
    return [_score(definition, score, values) for score in definition.scores]


def _score(
    definition: InstrumentDefinition, score: ScoreDefinition, values: Mapping[str, Any]
) -> ComputedScore:
    algorithm = ALGORITHMS[score.algorithm]
    numbers = {code: numeric(definition.items[code], values.get(code)) for code in score.item_codes}
    outcome = algorithm.compute(
        {part: tuple(numbers[code] for code in codes) for part, codes in score.items.items()},
        score.grades,
    )
    return ComputedScore(
        name=score.name,
        value=outcome.value,
        band=outcome.band,
        algorithm=algorithm.name,
        algorithm_version=algorithm.version,
        inputs={code: None if n is None else str(n) for code, n in numbers.items()},
        missing=tuple(code for code, number in numbers.items() if number is None),
    )
