"""What stands on a wall but cannot be told: named, so that nobody takes it for what never was.

A row that nobody can read or encode takes no other patient from the wall. It is stepped over as by
the live relay (portal.live.gathering), and whoever looks is told which patient and what it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from patients.models import VitalSign
from patients.wall.readings import Latest, latest
from portal.live.gathering import MOST_LOOKED_FOR, Lost, apart, gather_each, step_over

Found = TypeVar("Found")
# Names of what cannot be told, by patient: codes of vital signs, or fields of a tile.
Untold = defaultdict[UUID, set[str]]


class ToldReadings(NamedTuple):
    """Readings with what is told of each, and the codes of which the latest cannot be told."""

    rows: list[tuple[Latest, dict[str, Any]]]
    untold: Untold


def told_latest(
    rows: QuerySet[VitalSign],
    patients: Iterable[UUID],
    codes: Sequence[str],
    tell: Callable[[Latest], dict[str, Any]],
) -> ToldReadings:
    """Return of `rows` the latest of each patient, code and position, as `tell` tells it.

    One query; more where something cannot be read. What is older never stands for that.
    """
    untold = Untold(set)
    found, lost = apart(list(patients), lambda some: latest(rows, some, codes))
    for pairs, error in _by_code(rows, lost, codes, found):
        step_over("vital_sign", [f"{patient}/{code}" for patient, code in pairs], error)
        for patient, code in pairs:
            untold[patient].add(code)
    told, unknown = gather_each("vital_sign", (row for part in found for row in part), tell)
    for row in unknown:
        untold[row.patient_id].add(row.code)
    return ToldReadings(told, untold)


def told_of_each(
    name: str,
    patients: Sequence[UUID],
    read: Callable[[Sequence[UUID]], Mapping[UUID, Found]],
    untold: Untold,
) -> dict[UUID, Found]:
    """Return what `read` finds of patients, and note under `name` of whom nothing can be read."""
    found, lost = apart(patients, read)
    for some, error in lost:
        step_over(name, some, error)
        for patient in some:
            untold[patient].add(name)
    return {patient: one for part in found for patient, one in part.items()}


def _by_code(
    rows: QuerySet[VitalSign], lost: Sequence[Lost], codes: Sequence[str], found: list[list[Latest]]
) -> Iterable[tuple[list[tuple[UUID, str]], Exception]]:
    """Put the codes of patients that can be read to those found; return the others, and why."""
    for patients, error in lost:
        if len(patients) > 1 or len(lost) > MOST_LOOKED_FOR:
            # So many are no single rows: their codes fail alike.
            yield [(patient, code) for patient in patients for code in codes], error
            continue
        some, failed = apart(codes, partial(latest, rows, patients))
        found.extend(some)
        for part, why in failed:
            yield [(patients[0], code) for code in part], why
