"""Where a patient stands, derived from facts by one table each; nobody enters a status.

Death ends no data entry, so it is a vital status of its own beside participation and treatment.
"""

from collections.abc import Callable
from dataclasses import dataclass

from patients.vocabulary import Participation, Treatment, VitalStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """What is recorded: entry into the trial, the end of participation, exposure, death.

    `entered` is enrolled or randomized; `ended` is what the disposition at the end leads to.
    """

    entered: Participation | None = None
    ended: Participation | None = None
    is_exposed: bool = False
    is_interrupted: bool = False
    has_completed_treatment: bool = False
    is_dead: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The three derived statuses of a patient."""

    participation: Participation
    treatment: Treatment
    vital_status: VitalStatus


# The first row that is true decides.
_TREATMENT: tuple[tuple[Callable[[Facts], bool], Treatment], ...] = (
    (lambda facts: not facts.is_exposed, Treatment.NOT_STARTED),
    (lambda facts: facts.has_completed_treatment, Treatment.COMPLETED),
    (lambda facts: facts.ended is Participation.COMPLETED, Treatment.COMPLETED),
    (lambda facts: facts.ended is not None or facts.is_dead, Treatment.STOPPED),
    (lambda facts: facts.is_interrupted, Treatment.INTERRUPTED),
    (lambda facts: True, Treatment.ON),
)
_VITAL_STATUS: tuple[tuple[Callable[[Facts], bool], VitalStatus], ...] = (
    (lambda facts: facts.is_dead, VitalStatus.DEAD),
    (lambda facts: facts.ended is Participation.LOST_TO_FOLLOW_UP, VitalStatus.UNKNOWN),
    (lambda facts: True, VitalStatus.ALIVE),
)


def participation_of(facts: Facts) -> Participation:
    """Return where the patient stands in the trial."""
    if facts.ended is not None:
        return facts.ended
    if facts.entered is None:
        return Participation.SCREENING
    return Participation.IN_FOLLOW_UP if facts.has_completed_treatment else facts.entered


def treatment_of(facts: Facts) -> Treatment:
    """Return whether the patient takes the study product."""
    return next(status for holds, status in _TREATMENT if holds(facts))


def vital_status_of(facts: Facts) -> VitalStatus:
    """Return whether the patient was alive when last heard of."""
    return next(status for holds, status in _VITAL_STATUS if holds(facts))


def standing_of(facts: Facts) -> Standing:
    """Return all three."""
    return Standing(participation_of(facts), treatment_of(facts), vital_status_of(facts))
