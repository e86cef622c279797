"""What an instrument asks, as its stored definition says it: decoded strictly, or refused whole.

A definition is JSON of our own (docs/instruments.md). Every fault is found, each with a JSON
pointer, so that whoever wrote the file can mend it in one go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from portal.core.errors import InvalidInput
from trials.rules.grade_tables import ATTRIBUTES, Grades, grade_tables
from trials.rules.reading import Reader

LANGUAGES = ("en", "zh-Hans")
ANY_COUNTRY = "*"

COMPOSITE = "pro_ctcae_composite"
# algorithm -> the items it needs, by part; "" stands for a plain list of items.
ALGORITHM_PARTS: Mapping[str, tuple[str, ...]] = {
    "sum": ("",),
    "phq9": ("",),
    COMPOSITE: ATTRIBUTES,
}


class NotADefinition(InvalidInput):
    """This is not the definition of an instrument."""

    code = "invalid_instrument_definition"


class ItemType(StrEnum):
    """What an item is answered with."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    CHOICE = "choice"
    BOOLEAN = "boolean"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose; without a score it counts its own number, or nothing."""

    value: str | int
    score: Decimal | None = None
    text: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One question. A `safety` item calls somebody when its answer is above `safety_above`."""

    code: str
    type: ItemType
    text: Mapping[str, str] = field(default_factory=dict)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    maximum_length: int | None = None
    choices: tuple[Choice, ...] = ()
    multiple: bool = False
    # Answers beside the scale ("not_applicable"): given, understood, and counted for nothing.
    unscored: tuple[str, ...] = ()
    required: bool = True
    critical: bool = False
    safety: bool = False
    safety_above: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class ScoreDefinition:
    """One score: its algorithm, the items of each part, and the grades of a composite grade."""

    name: str
    algorithm: str
    items: Mapping[str, tuple[str, ...]]
    grades: Grades = field(default_factory=dict)

    @property
    def item_codes(self) -> tuple[str, ...]:
        """Every item that the score uses."""
        return tuple(code for part in self.items.values() for code in part)


@dataclass(frozen=True, slots=True)
class EmergencyText:
    """What a patient reads after a safety answer; country `*` stands for any other."""

    country: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class DefaultSchedule:
    """When the instrument is due unless the protocol says otherwise: wall time and study days."""

    opens: str
    closes: str
    every_days: int = 1
    first_day: int = 1
    last_day: int | None = None
    grace_hours: int = 72


@dataclass(frozen=True, slots=True)
class InstrumentDefinition:
    """One version of an instrument, decoded."""

    items: Mapping[str, Item]
    scores: tuple[ScoreDefinition, ...] = ()
    emergency: tuple[EmergencyText, ...] = ()
    schedule: DefaultSchedule | None = None

    @property
    def safety_items(self) -> tuple[Item, ...]:
        """The items whose answers call somebody."""
        return tuple(item for item in self.items.values() if item.safety)

    def emergency_text(self, country: str, language: str) -> str:
        """Return the text in a language for a country, else for any; else the same in English."""
        texts = {(one.country, one.language): one.text for one in self.emergency}
        places = [
            (place, spoken) for spoken in (language, "en") for place in (country, ANY_COUNTRY)
        ]
        return next((texts[place] for place in places if place in texts), "")


def decode(definition: Any) -> InstrumentDefinition:
    """Decode a stored definition. Raises: NotADefinition, naming every fault."""
    reader = Reader(definition)
    items = [_item(part) for part in reader.parts("items", at_least=1)]
    by_code = {item.code: item for item in items}
    if len(by_code) != len(items):
        reader.fault("items", "repeated", "Each item has a code of its own.")
    tables = grade_tables(reader.parts("grade_tables"))
    scores = [_score(part, by_code, tables) for part in reader.parts("scores")]
    graded = {tuple(score.items) for score in scores if score.algorithm == COMPOSITE}
    for attributes in sorted(graded - tables.keys() - {()}):
        detail = f"There are no grades for {', '.join(attributes)}."
        reader.fault("grade_tables", "required", detail)
    emergency = [_emergency(part) for part in reader.parts("emergency")]
    schedule = _schedule(reader.part("schedule")) if reader.has("schedule") else None
    if any(item.safety for item in items) and not emergency:
        reader.fault("emergency", "required", "A safety item needs an emergency text.")
    reader.close()
    if reader.faults:
        raise NotADefinition(errors=reader.faults)
    return InstrumentDefinition(by_code, tuple(scores), tuple(emergency), schedule)


def _item(part: Reader) -> Item:
    kind = part.word("type", [one.value for one in ItemType]) or ItemType.TEXT.value
    item = Item(
        code=part.text("code", longest=60),
        type=ItemType(kind),
        text=part.texts("text"),
        minimum=part.number("minimum"),
        maximum=part.number("maximum"),
        maximum_length=part.whole("maximum_length", least=1),
        choices=tuple(_choice(choice) for choice in part.parts("choices")),
        multiple=part.flag("multiple"),
        unscored=part.words("unscored"),
        required=part.flag("required", default=True),
        critical=part.flag("critical"),
        safety=part.flag("safety"),
        safety_above=part.number("safety_above") or Decimal(0),
    )
    if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
        part.fault("minimum", "above_maximum", "The minimum is above the maximum.")
    if item.multiple and item.type is not ItemType.CHOICE:
        part.fault("multiple", "not_a_choice", "Only a choice takes several answers.")
    if len({choice.value for choice in item.choices}) != len(item.choices):
        part.fault("choices", "repeated", "Each choice has a value of its own.")
    if item.safety and not _counts(item):
        part.fault("safety", "not_countable", "Every answer to a safety item must count.")
    part.close()
    return item


def _counts(item: Item) -> bool:
    """Whether every answer is a number, so that it can be above a mark."""
    if item.type is ItemType.CHOICE:
        scored = (one.score is not None or isinstance(one.value, int) for one in item.choices)
        return bool(item.choices) and not item.multiple and all(scored)
    return item.type not in (ItemType.TEXT, ItemType.DATE)


def _choice(part: Reader) -> Choice:
    choice = Choice(value=part.value("value"), score=part.number("score"), text=part.texts("text"))
    part.close()
    return choice


def _score(
    part: Reader, items: Mapping[str, Item], tables: Mapping[tuple[str, ...], Grades]
) -> ScoreDefinition:
    algorithm = part.word("algorithm", list(ALGORITHM_PARTS)) or "sum"
    allowed = ALGORITHM_PARTS[algorithm]
    grouped = {"": part.words("items")} if allowed == ("",) else part.grouped("items", allowed)
    grades = tables.get(tuple(grouped), {}) if algorithm == COMPOSITE else {}
    score = ScoreDefinition(part.text("name", longest=100), algorithm, grouped, grades)
    if not score.item_codes:
        part.fault("items", "required", "A score needs items.")
    for code in score.item_codes:
        if code not in items:
            part.fault("items", "unknown_item", f"There is no item {code}.")
    if algorithm == "phq9" and len(score.item_codes) != 9:
        part.fault("items", "not_nine", "The PHQ-9 is the sum of nine items.")
    part.close()
    return score


def _emergency(part: Reader) -> EmergencyText:
    text = EmergencyText(
        part.text("country", longest=2),
        part.word("language", LANGUAGES) or "en",
        part.text("text", longest=2000),
    )
    part.close()
    return text


def _schedule(part: Reader) -> DefaultSchedule:
    schedule = DefaultSchedule(
        opens=part.wall_time("opens"),
        closes=part.wall_time("closes"),
        every_days=part.whole("every_days", least=1) or 1,
        first_day=part.whole("first_day") or 1,
        last_day=part.whole("last_day"),
        grace_hours=_or(part.whole("grace_hours", least=0), 72),
    )
    part.close()
    return schedule


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
