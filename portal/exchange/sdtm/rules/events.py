"""Contradictions within and around adverse events, arms and deaths: pure predicates.

Where dates decide, they answer yes, no or cannot_tell.
"""

from collections.abc import Mapping

from portal.core.partial_dates import Answer, PartialDateTime
from portal.exchange.sdtm.values.dates import is_before
from portal.exchange.sdtm.values.vocabulary import criteria_given


def has_criterion_without_serious_flag(event: Mapping[str, object]) -> bool:
    """Whether a seriousness criterion is given while AESER says no."""
    return event.get("AESER") == "N" and bool(criteria_given(event))


def is_serious_without_criterion(event: Mapping[str, object]) -> bool:
    """Whether AESER says yes while every criterion says no or nothing."""
    return event.get("AESER") == "Y" and not criteria_given(event)


def fatal_outcome_and_death_differ(event: Mapping[str, object]) -> bool:
    """Whether AEOUT and AESDTH contradict each other; blanks contradict nothing."""
    outcome, death = event.get("AEOUT"), event.get("AESDTH")
    return bool(outcome and death) and (outcome == "FATAL") != (death == "Y")


def ends_while_not_recovered(end: PartialDateTime | None, outcome: str) -> bool:
    """Whether an end date contradicts the outcome. `outcome` is the portal's code."""
    return end is not None and outcome == "not_recovered"


def is_recovered_without_end(end_text: str, outcome: str) -> bool:
    """Whether a recovered event lacks its end date."""
    return outcome in ("recovered", "with_sequelae") and not end_text


def ends_before_start(start: PartialDateTime | None, end: PartialDateTime | None) -> Answer:
    """Whether the end lies before the start."""
    return is_before(end, start)


def starts_after_collection(
    start: PartialDateTime | None, collected: PartialDateTime | None
) -> Answer:
    """Whether something starts after it was recorded."""
    return is_before(collected, start)


def begins_before_first_dose(
    onset: PartialDateTime | None, first_dose: PartialDateTime | None
) -> Answer:
    """Whether the onset lies before the first dose; the same day without a time cannot tell."""
    return is_before(onset, first_dose)


def is_onset_undecidable(onset: PartialDateTime | None, first_dose: PartialDateTime | None) -> bool:
    """Whether both dates are there and still cannot be put in order."""
    if onset is None or first_dose is None:
        return False
    return begins_before_first_dose(onset, first_dose) is Answer.CANNOT_TELL


def treatment_emergent_flag_differs(
    flag: str, onset: PartialDateTime | None, first_dose: PartialDateTime | None
) -> bool:
    """Whether the sponsor's flag contradicts the dates; undecidable dates contradict nothing."""
    before = begins_before_first_dose(onset, first_dose)
    return (flag == "Y" and before is Answer.YES) or (flag == "N" and before is Answer.NO)


def arms_differ(planned: str, actual: str) -> bool:
    """Whether planned and actual arm are both known and not the same."""
    return bool(planned and actual) and planned != actual


def is_dated_after_death(date: PartialDateTime | None, death: PartialDateTime | None) -> Answer:
    """Whether something is dated after the death."""
    return is_before(death, date)


def is_exposure_open_after_end(end_text: str, participation_ended: PartialDateTime | None) -> bool:
    """Whether an exposure has no end although participation has one."""
    return not end_text and participation_ended is not None
