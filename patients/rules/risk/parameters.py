"""What a version of a risk rule is written with: one closed form for each kind."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from patients.rules.risk.unreadable import unreadable
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import RuleKind
from portal.core.errors import FieldError, InvalidInput

ANY_ITEM = "*"
# Where parameters stand in what is sent.
BODY = "/parameters"
ADULT_FROM = 16

Minutes = Annotated[int, Meta(ge=0, le=60 * 24 * 31)]
Positive = Annotated[int, Meta(ge=1, le=60 * 24 * 31)]
Item = Annotated[str, Meta(min_length=1, max_length=60)]


class NotParameters(InvalidInput):
    """These are not the parameters of a risk rule of this kind."""

    code = "invalid_rule_parameters"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every rule says.

    `acute_within_minutes`: older values fire once, as reported late. `age_from` 16 unless a
    physician writes thresholds for the young; `age_from` null: of any age.
    `may_be_adverse_event`: an alert is also put before a physician as a candidate event.
    """

    acknowledge_within_minutes: Positive
    acute_within_minutes: Minutes = 30
    age_from: Annotated[int, Meta(ge=0, le=120)] | None = ADULT_FROM
    age_below: Annotated[int, Meta(ge=0, le=150)] | None = None
    may_be_adverse_event: bool = False
    source: ClassVar[str] = ""


class _Level(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A level that is reached and left again.

    It is met from `set` on and is over at `reset`; between the two nothing changes. It fires again
    when the value is worse by `worse_by`, or after `again_after_hours`.
    """

    direction: Literal["above", "below"]
    set: Decimal
    reset: Decimal
    minimum_minutes: Minutes = 0
    # The artifact filter: the median of so many values in a row stands for the last of them.
    median_of: Literal[1, 3, 5] = 1
    worse_by: Decimal | None = None
    again_after_hours: Annotated[int, Meta(ge=1, le=720)] | None = None


class Threshold(_Level, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vital sign in its canonical unit, or a numeric item of a diary, beyond a level."""

    code: str = ""
    item: str = ""


class Change(_Level, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vital sign's change from the mean of the patient's first `baseline_count` values."""

    code: str
    baseline_count: Annotated[int, Meta(ge=1, le=20)] = 1
    is_percent: bool = False


class Jump(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two values in a row further apart than a body can change in that time."""

    code: str
    limit: Decimal
    within_minutes: Positive


class Answer(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An answer to a safety item above its mark; `*` is every item that an instrument marks."""

    item: Item = ANY_ITEM
    above: Decimal | None = None


class News2Band(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A NEWS2 of at least `aggregate`, or three points in a single parameter."""

    aggregate: Annotated[int, Meta(ge=1, le=20)] = 5
    single_three: bool = True
    again_after_hours: Annotated[int, Meta(ge=1, le=720)] | None = None


class MissingDiaries(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many diary days in a row without a diary."""

    in_a_row: Annotated[int, Meta(ge=1, le=60)] = 2
    instrument: str = ""


class DuplicateDevice(Parameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reading from a device that somebody else, or nobody, held at the time."""


PARAMETERS: Mapping[RuleKind, type[Parameters]] = {
    RuleKind.THRESHOLD: Threshold,
    RuleKind.CHANGE: Change,
    RuleKind.JUMP: Jump,
    RuleKind.ANSWER: Answer,
    RuleKind.NEWS2: News2Band,
    RuleKind.MISSING_DIARIES: MissingDiaries,
    RuleKind.DUPLICATE_DEVICE: DuplicateDevice,
}


def decode(kind: str, parameters: Mapping[str, Any]) -> Parameters:
    """Return the parameters of a rule of `kind`. Raises: NotParameters, naming what is wrong."""
    try:
        form = PARAMETERS[RuleKind(kind)]
    except ValueError:
        unknown = FieldError("/kind", "unknown_kind", "There is no such kind of risk rule.")
        raise NotParameters(errors=[unknown]) from None
    try:
        made = msgspec.convert(dict(parameters), form, strict=False)
    except msgspec.ValidationError as error:
        raise NotParameters(errors=[unreadable(str(error), BODY)]) from None
    faults = [*_faults(made)]
    if faults:
        raise NotParameters(errors=faults)
    return made


def _faults(made: Parameters) -> Iterator[FieldError]:
    code = getattr(made, "code", "")
    if isinstance(made, Threshold) and bool(made.code) == bool(made.item):
        yield FieldError(
            f"{BODY}/code", "one_of", "Name a vital sign or a diary item, one of the two."
        )
    if code and (code not in VITAL_CODES or not VITAL_CODES[code].is_numeric):
        yield FieldError(
            f"{BODY}/code",
            "unknown_code",
            "There is no vital sign with a number of this code.",
        )
    if made.age_below is not None and made.age_below <= (made.age_from or 0):
        yield FieldError(f"{BODY}/age_below", "order", "The ages leave nobody.")
    endless = [name for name, value in _decimals(made) if not value.is_finite()]
    for name in endless:
        yield FieldError(
            f"{BODY}/{name}", "not_finite", "This is not a number that can be reached."
        )
    if not endless:
        yield from _faults_of_levels(made)


def _decimals(made: Parameters) -> Iterator[tuple[str, Decimal]]:
    for name in made.__struct_fields__:
        value = getattr(made, name)
        if isinstance(value, Decimal):
            yield name, value


def _faults_of_levels(made: Parameters) -> Iterator[FieldError]:
    if isinstance(made, _Level):
        is_ordered = made.reset < made.set if made.direction == "above" else made.reset > made.set
        if not is_ordered:
            yield FieldError(
                f"{BODY}/reset", "order", "The reset value lies on the good side of the set."
            )
        if made.worse_by is not None and made.worse_by <= 0:
            yield FieldError(f"{BODY}/worse_by", "positive", "A step is greater than zero.")
    if isinstance(made, Jump) and made.limit <= 0:
        yield FieldError(f"{BODY}/limit", "positive", "A limit is greater than zero.")


def keys_of(parameters: Parameters) -> tuple[str, str]:
    """Return which values a rule looks at: the source (vital, answer, safety, ...) and its key."""
    match parameters:
        case Threshold(item=item) if item:
            return "answer", item
        case Threshold(code=code) | Change(code=code) | Jump(code=code):
            return "vital", code
        case Answer():
            return "safety", ""
        case News2Band():
            return "news2", ""
        case MissingDiaries():
            return "diary", ""
    return "device", ""


def is_of_age(parameters: Parameters, age_years: Decimal | None) -> bool:
    """Whether a rule is meant for a patient of that age; an unknown age is watched."""
    if age_years is None:
        return True
    if parameters.age_from is not None and age_years < parameters.age_from:
        return False
    return parameters.age_below is None or age_years < parameters.age_below
