"""Tell what a file is, and make an instrument of it, with remarks on what was left out."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from portal.core.errors import InvalidInput
from portal.exchange.instruments import grade_map, item_list, questionnaire

LARGEST = 5_000_000
_T = TypeVar("_T")


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


def read(path: Path, grades: Path | None = None) -> Draft:
    """Read a file; an item list takes its grade map from `grades`, else from the file beside it.

    Raises: NotAnInstrument, NoGradeMap, OSError.
    """
    if path.suffix.lower() == ".csv":
        return _item_list(path, grades)
    if grades is not None:
        raise NotAnInstrument(f"{path.name}: only a PRO-CTCAE item list (CSV) takes a grade map.")
    content = _converted(path, json.loads)
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


def _converted(path: Path, convert: Callable[[str], _T]) -> _T:
    if path.stat().st_size > LARGEST:
        raise NotAnInstrument(f"{path.name}: the file is larger than 5 MB.")
    try:
        return convert(path.read_text("utf-8-sig"))
    except KeyError as error:
        raise NotAnInstrument(f"{path.name}: there is no {error}.") from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise NotAnInstrument(f"{path.name}: {error}") from None


def _item_list(path: Path, grades: Path | None) -> Draft:
    beside = path.with_name(grade_map.FILE_NAME)
    chosen = grades or (beside if beside.is_file() else None)
    tables = None if chosen is None else _converted(chosen, grade_map.convert)
    try:
        definition = _converted(path, lambda text: item_list.convert(text, tables))
    except item_list.NoGradeMap:
        raise item_list.NoGradeMap(
            f"{path.name}: the composite grades are missing: "
            f"put {beside.name} beside it or give --grades FILE."
        ) from None
    return Draft("pro-ctcae", "1.0", "PRO-CTCAE", definition)


def _questionnaire(content: dict[str, Any]) -> Draft:
    definition, remarks = questionnaire.convert(content)
    title = content.get("title") or content.get("name")
    code, version = content.get("id"), content.get("version")
    return Draft(_text(code), _text(version), _text(title), definition, remarks)


def _text(said: Any) -> str:
    """What is no text says nothing; the import then names what is missing."""
    return said if isinstance(said, str) else ""
