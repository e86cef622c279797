"""A PRO-CTCAE composite grade map (CSV: frequency, severity, interference, composite_grade).

A row is one combination of levels; an attribute that the symptom does not have is blank or NA.
Other columns are not read.
"""

import csv
import io
from typing import Any

from trials.rules.grade_tables import ATTRIBUTES, key

FILE_NAME = "composite_grade_map.csv"
_GRADE = "composite_grade"
_NOT_THERE = ("", "NA")


def convert(text: str) -> list[dict[str, Any]]:
    """Return the definition's grade tables. Raises: ValueError, naming the line; csv.Error."""
    reader = csv.DictReader(io.StringIO(text), restval="")
    lacking = [name for name in (*ATTRIBUTES, _GRADE) if name not in (reader.fieldnames or ())]
    if lacking:
        raise ValueError(f"there is no column {', '.join(lacking)}.")
    tables: dict[tuple[str, ...], dict[str, int]] = {}
    for row in reader:
        try:
            _add(tables, row)
        except ValueError as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None
    return [{"attributes": list(names), "grades": grades} for names, grades in tables.items()]


def _add(tables: dict[tuple[str, ...], dict[str, int]], row: dict[str, str]) -> None:
    levels = {name: int(row[name]) for name in ATTRIBUTES if row[name].strip() not in _NOT_THERE}
    grade = int(row[_GRADE])
    if not levels:
        raise ValueError("there is no level.")
    grades, combination = tables.setdefault(tuple(levels), {}), tuple(levels.values())
    if combination[0] == 0:
        # The algorithm's own rule, which no table changes.
        if grade != 0:
            raise ValueError("at 0 of the leading attribute the grade is 0.")
    elif grades.setdefault(key(combination), grade) != grade:
        raise ValueError("this combination has another grade already.")
