"""Pure rules of adverse events: what is refused, what stands, what contradicts itself."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from events.vocabulary import Outcome, Seriousness
from patients.vocabulary import YesNoUnknown
from portal.core.errors import FieldError, InvalidInput
from portal.core.partial_dates import Answer, PartialDateTime

# Clocks differ: what is stamped by another clock may seem to lie ahead by this much.
CLOCK_TOLERANCE = timedelta(minutes=2)
FATAL_GRADE = 5
# Medical judgments: a physician's, or transcribed from one.
JUDGMENTS = frozenset({*Seriousness.values, "severity", "severity_grade", "causality"})


class AwarenessInFuture(InvalidInput):
    """Nobody can have known of it later than now."""

    code = "awareness_in_future"


class AwarenessMissing(InvalidInput):
    """Say when the site became aware of a serious event."""

    code = "awareness_required"


class TermMissing(InvalidInput):
    """Say in the reporter's words what happened."""

    code = "term_required"


class NotAPhysician(InvalidInput):
    """Name a physician of the site to whom the assessment of safety is delegated."""

    code = "not_a_physician"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Facts that cannot all be true: the rule that says so, and the field to look at."""

    rule: str
    field: str
    message: str


def check_term(term: str) -> None:
    """Refuse an event without the reporter's words. Raises: TermMissing."""
    if not term.strip():
        raise TermMissing(errors=(FieldError("/term", TermMissing.code, "term"),))


def check_awareness(*, at: datetime, **stated: datetime | None) -> None:
    """Refuse knowledge from the future; `stated` is each instant by its field.

    Source: domain.md 1 (all that refuses a safety report). Raises: AwarenessInFuture.
    """
    for field, instant in stated.items():
        if instant is not None and instant > at + CLOCK_TOLERANCE:
            part = FieldError(f"/{field}", AwarenessInFuture.code, field)
            raise AwarenessInFuture(errors=(part,))


def check_serious_awareness(*, is_serious: bool, site_aware_at: datetime | None) -> None:
    """Refuse a serious event of which nobody says since when it was known.

    Source: ICH E2A (the clock starts with awareness). Raises: AwarenessMissing.
    """
    if is_serious and site_aware_at is None:
        part = FieldError("/site_aware_at", AwarenessMissing.code, "site_aware_at")
        raise AwarenessMissing(errors=(part,))


def is_serious(facts: Mapping[str, Any]) -> bool:
    """Return whether one of the six criteria is met. Source: ICH E2A."""
    return any(facts.get(name) == YesNoUnknown.YES for name in Seriousness.values)


def states_judgment(stated: Mapping[str, Any]) -> bool:
    """Return whether a version states a medical judgment; "unknown" judges nothing."""
    return any(stated.get(name) not in (None, "", YesNoUnknown.UNKNOWN) for name in JUDGMENTS)


def first_awareness(stated: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest awareness of all versions, in whatever order they came."""
    return min((instant for instant in stated if instant is not None), default=None)


def standing(
    stated: Mapping[str, Any], received: datetime, others: Iterable[tuple[datetime, Any]]
) -> dict[str, Any]:
    """Return those of the `stated` facts that no later information has already replaced.

    `others` are the versions there are: when each was received, and what it states.
    """
    newer = {name for when, facts in others if when > received for name in facts}
    return {name: value for name, value in stated.items() if name not in newer}


def contradictions(
    facts: Mapping[str, Any], *, died: PartialDateTime | None
) -> Iterator[Contradiction]:
    """Yield what cannot all be true. Nothing of it refuses the report."""
    yield from _about_seriousness(facts)
    yield from _about_dates(facts, died)


def _about_seriousness(facts: Mapping[str, Any]) -> Iterator[Contradiction]:
    reported, serious = facts["serious_as_reported"], is_serious(facts)
    if serious and reported == YesNoUnknown.NO:
        yield Contradiction(
            "seriousness_criterion_without_serious_flag",
            "serious_as_reported",
            "A criterion is met, but the event is reported as not serious.",
        )
    if not serious and reported == YesNoUnknown.YES:
        yield Contradiction(
            "serious_flag_without_criterion",
            "serious_as_reported",
            "The event is reported as serious, but no criterion is met.",
        )
    is_fatal = facts["outcome"] == Outcome.FATAL
    if is_fatal != (facts["death"] == YesNoUnknown.YES):
        yield Contradiction(
            "fatal_outcome_and_death_criterion_differ",
            "outcome",
            f"Outcome {facts['outcome']}, but results in death: {facts['death']}.",
        )
    if facts["severity_grade"] == FATAL_GRADE and not is_fatal:
        yield Contradiction(
            "grade_5_without_fatal_outcome",
            "severity_grade",
            f"Grade 5 is death, but the outcome is {facts['outcome']}.",
        )


def _about_dates(facts: Mapping[str, Any], died: PartialDateTime | None) -> Iterator[Contradiction]:
    onset, resolved, aware = facts["onset"], facts["resolved"], facts["site_aware_at"]
    if onset and resolved and resolved.is_before(onset) == Answer.YES:
        yield Contradiction(
            "resolved_before_onset", "resolved", f"Resolved {resolved}, before the onset {onset}."
        )
    if onset and aware and onset.earliest and onset.earliest > aware:
        yield Contradiction(
            "aware_before_onset",
            "site_aware_at",
            f"The site was aware before the onset {onset}.",
        )
    if onset and died and onset.is_after(died) == Answer.YES:
        yield Contradiction("dated_after_death", "onset", f"Dated {onset}, after the death.")
