"""A PRO-CTCAE item list (CSV: variable, item_no, attribute, score_min, score_max, format).

Items carry their variable and short label only; the wording stays with the licensed form.
The composite grades come with the list, as a grade map. Source: NCI PRO-CTCAE item library.
"""

import csv
import io
from typing import Any

from portal.core.errors import InvalidInput

# Hair loss asks for an amount, which is graded as interference is.
_PART = {
    "frequency": "frequency",
    "severity": "severity",
    "interference": "interference",
    "amount": "interference",
}
# Answers beside the scale, by the item's answer format.
_UNSCORED = {
    "sev_6_fmt": ["not_applicable"],
    "sev_7_fmt": ["not_sexually_active", "prefer_not_to_answer"],
    "frq_7_fmt": ["not_sexually_active", "prefer_not_to_answer"],
    "yn_3_fmt": ["not_applicable"],
    "yn_4_fmt": ["not_applicable", "prefer_not_to_answer"],
}


class NoGradeMap(InvalidInput):
    """The composite grades are missing: give their grade map."""

    code = "no_grade_map"


def convert(text: str, grade_tables: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Return the definition: an item a row, a grade a symptom.

    Raises: NoGradeMap where a symptom has a grade and there are no tables; KeyError, ValueError.
    """
    items: list[dict[str, Any]] = []
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text), restval=""):
        items.append(
            {
                "code": row["variable"],
                "type": "integer",
                "minimum": int(row["score_min"]),
                "maximum": int(row["score_max"]),
                "unscored": _UNSCORED.get(row["format"], []),
                "required": row["part"] == "A",
                "text": {"en": row["short_label"]},
            }
        )
        part = _PART.get(row["attribute"])
        if part:
            groups.setdefault((row["item_no"], row["symptom"]), {})[part] = row["variable"]
    scores = [
        {"name": f"{symptom} ({number})", "algorithm": "pro_ctcae_composite", "items": parts}
        for (number, symptom), parts in groups.items()
    ]
    if not scores:
        return {"items": items}
    if grade_tables is None:
        raise NoGradeMap()
    return {"items": items, "scores": scores, "grade_tables": grade_tables}
