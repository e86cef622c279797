"""Tell what a file is, and make an instrument of it, with remarks on what was left out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.errors import InvalidInput
from portal.exchange.instruments import item_list, questionnaire

LARGEST = 5_000_000


class NotAnInstrument(InvalidInput):
    """The file is no instrument: not the portal's JSON, a Questionnaire or an item list."""

    code = "not_an_instrument"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file says; an empty code, version or title must be given by the person."""

    code: str
    version: str
    title: str
    definition: dict[str, Any]
    remarks: tuple[str, ...] = ()


def read(path: Path) -> Draft:
    """Read a file. Raises: NotAnInstrument, OSError."""
    if path.stat().st_size > LARGEST:
        raise NotAnInstrument("The file is larger than 5 MB.")
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".csv":
            return Draft("pro-ctcae", "1.0", "PRO-CTCAE", *item_list.convert(text))
        content = json.loads(text)
    except (ValueError, RecursionError, KeyError) as error:
        raise NotAnInstrument(f"{path.name}: {error}") from None
    if not isinstance(content, dict):
        raise NotAnInstrument()
    if content.get("resourceType") == "Questionnaire":
        return _questionnaire(content)
    if "definition" not in content:
        raise NotAnInstrument()
    title = content.get("title")
    title = title.get("en", "") if isinstance(title, dict) else title
    code, version = content.get("code"), content.get("version")
    return Draft(_text(code), _text(version), _text(title), content["definition"])


def _questionnaire(content: dict[str, Any]) -> Draft:
    definition, remarks = questionnaire.convert(content)
    title = content.get("title") or content.get("name")
    code, version = content.get("id"), content.get("version")
    return Draft(_text(code), _text(version), _text(title), definition, remarks)


def _text(said: Any) -> str:
    """What is no text says nothing; the import then names what is missing."""
    return said if isinstance(said, str) else ""
