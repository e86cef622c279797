"""Composite grades of a patient-reported symptom, as an instrument's definition brings them.

A table belongs to one set of attributes and has a grade for each combination of their levels. The
portal brings no table of its own: whoever holds an instrument brings its grades with it.
"""

from collections.abc import Mapping, Sequence
from itertools import product

from trials.rules.reading import Reader

# Their order: the first that a symptom has leads, and a combination names its levels in it.
ATTRIBUTES = ("frequency", "severity", "interference")
LEVELS = range(5)
HIGHEST_GRADE = 3

# levels of the attributes, in their order -> grade
Grades = Mapping[tuple[int, ...], int]


def combinations(attributes: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the combinations that need a grade: at 0 of the leading attribute the grade is 0."""
    return list(product(LEVELS[1:], *[LEVELS] * (len(attributes) - 1)))


def key(levels: Sequence[int]) -> str:
    """Return the name of a combination in the stored definition: its levels, parted by spaces."""
    return " ".join(str(level) for level in levels)


def grade_tables(parts: Sequence[Reader]) -> dict[tuple[str, ...], Grades]:
    """Decode the tables by their attributes; what is wrong is noted with the readers."""
    tables: dict[tuple[str, ...], Grades] = {}
    for part in parts:
        attributes, grades = _table(part)
        if attributes in tables:
            part.fault("attributes", "repeated", "Each set of attributes has one table.")
        tables[attributes] = grades
    return tables


def _table(part: Reader) -> tuple[tuple[str, ...], Grades]:
    attributes, given = part.words("attributes"), part.part("grades")
    part.close()
    if not attributes or attributes != tuple(one for one in ATTRIBUTES if one in attributes):
        known = ", ".join(ATTRIBUTES)
        part.fault("attributes", "unknown_attributes", f"Some of {known} are needed, in order.")
        return attributes, {}
    grades = {levels: given.whole(key(levels), least=0) for levels in combinations(attributes)}
    given.close()
    missing = [key(levels) for levels in grades if not given.has(key(levels))]
    if missing:
        part.fault("grades", "incomplete", f"There is no grade for {', '.join(missing)}.")
    known_grades = {levels: grade for levels, grade in grades.items() if grade is not None}
    for levels, grade in known_grades.items():
        if grade > HIGHEST_GRADE:
            given.fault(key(levels), "not_a_grade", f"A grade is 0 to {HIGHEST_GRADE}.")
    return attributes, known_grades
