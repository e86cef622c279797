"""Read untrusted JSON part by part; every fault is collected with its pointer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.core.errors import FieldError

_WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass
class Reader:
    """One JSON object. What is wrong goes to `faults`, which all its parts share."""

    content: Any
    pointer: str = ""
    faults: list[FieldError] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not isinstance(self.content, Mapping):
            self.faults.append(FieldError(self.pointer, "not_an_object", "An object is needed."))
            self.content = {}

    def fault(self, name: str, code: str, detail: str) -> None:
        """Note what is wrong with one member."""
        self.faults.append(FieldError(f"{self.pointer}/{name}", code, detail))

    def has(self, name: str) -> bool:
        """Whether a member is there and not null."""
        return self.content.get(name) is not None

    def close(self) -> None:
        """Note every member that nobody asked for: a misspelled mark must not pass as absent."""
        for name in self.content:
            if name not in self.seen:
                self.fault(str(name), "unknown_member", "There is no such member.")

    def _get(self, name: str) -> Any:
        self.seen.add(name)
        return self.content.get(name)

    def part(self, name: str) -> "Reader":
        """Return a member that is an object."""
        return Reader(self._get(name), f"{self.pointer}/{name}", self.faults)

    def parts(self, name: str, at_least: int = 0) -> list["Reader"]:
        """Return a member that is a list of objects."""
        given = self._get(name)
        given = [] if given is None else given
        if not isinstance(given, list) or len(given) < at_least:
            self.fault(name, "not_a_list", "A list is needed.")
            return []
        return [
            Reader(one, f"{self.pointer}/{name}/{place}", self.faults)
            for place, one in enumerate(given)
        ]

    def text(self, name: str, longest: int) -> str:
        """Return a text that is not blank."""
        given = self._get(name)
        if isinstance(given, str) and given.strip() and len(given) <= longest:
            return given
        self.fault(name, "not_a_text", f"A text of 1 to {longest} characters is needed.")
        return ""

    def word(self, name: str, allowed: Sequence[str]) -> str:
        """Return one of the allowed words."""
        given = self._get(name)
        if isinstance(given, str) and given in allowed:
            return given
        self.fault(name, "unknown_word", f"One of {', '.join(allowed)} is needed.")
        return ""

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of words."""
        given = self._get(name)
        given = [] if given is None else given
        if isinstance(given, list) and all(isinstance(one, str) and one for one in given):
            return tuple(given)
        self.fault(name, "not_a_list_of_words", "A list of words is needed.")
        return ()

    def grouped(self, name: str, parts: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return one word for each part that is there, as tuples of one."""
        group = self.part(name)
        found: dict[str, tuple[str, ...]] = {
            part: (group.text(part, 60),) for part in parts if group.has(part)
        }
        group.close()
        return found

    def texts(self, name: str) -> Mapping[str, str]:
        """Return a text by language; a plain string is English."""
        given = self._get(name)
        given = {} if given is None else given
        if isinstance(given, str):
            return {"en": given}
        if isinstance(given, Mapping) and all(isinstance(one, str) for one in given.values()):
            return dict(given)
        self.fault(name, "not_texts", "A text by language is needed.")
        return {}

    def value(self, name: str) -> str | int:
        """Return a text or a whole number."""
        given = self._get(name)
        if isinstance(given, str | int) and not isinstance(given, bool) and given != "":
            return given
        self.fault(name, "not_a_value", "A text or a whole number is needed.")
        return ""

    def number(self, name: str) -> Decimal | None:
        """Return a finite decimal number, or None when there is none."""
        given = self._get(name)
        if given is None:
            return None
        try:
            number = Decimal(str(given)) if not isinstance(given, bool) else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
        self.fault(name, "not_a_number", "A number is needed.")
        return None

    def whole(self, name: str, least: int | None = None) -> int | None:
        """Return a whole number, or None when there is none."""
        given = self._get(name)
        if given is None:
            return None
        if isinstance(given, int) and not isinstance(given, bool) and not _below(given, least):
            return given
        self.fault(name, "not_a_whole_number", "A whole number is needed.")
        return None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth."""
        given = self._get(name)
        if given is None or isinstance(given, bool):
            return default if given is None else given
        self.fault(name, "not_a_truth", "True or false is needed.")
        return default

    def wall_time(self, name: str) -> str:
        """Return a wall time as HH:MM."""
        given = self._get(name)
        if isinstance(given, str) and _WALL_TIME.fullmatch(given):
            return given
        self.fault(name, "not_a_wall_time", "A wall time such as 08:00 is needed.")
        return ""


def _below(number: int, least: int | None) -> bool:
    return least is not None and number < least
