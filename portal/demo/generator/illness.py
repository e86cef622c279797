"""Which adverse events a person has. Decided before any reading is drawn, since readings follow."""

from dataclasses import dataclass, field

from portal.demo.generator.catalog import (
    ANAPHYLAXIS,
    COMMON,
    LIVER_INJURY,
    SERIOUS,
    SUDDEN_DEATH,
    EventKind,
)
from portal.demo.generator.people import Episode, Fate, Person, Story

# Criteria of seriousness, in the order of ICH E2A.
CRITERIA = (
    "death",
    "life_threatening",
    "hospitalization",
    "disability",
    "congenital_anomaly",
    "other_medically_important",
)
_PNEUMONIA = SERIOUS[0]


@dataclass(frozen=True, slots=True)
class Illness:
    """One adverse event as it really went, in days; it may begin before treatment."""

    kind: EventKind
    starts: float
    ends: float
    grade: int
    criteria: frozenset[str] = field(default_factory=frozenset)
    is_related: bool = False
    serious_as_reported: str | None = None

    @property
    def is_serious(self) -> bool:
        """Whether any criterion is met."""
        return bool(self.criteria)

    @property
    def is_susar(self) -> bool:
        """Whether it is serious, related and not expected."""
        return self.is_serious and self.is_related and not self.kind.expected

    @property
    def is_in_hospital(self) -> bool:
        """Whether the patient lay in hospital for it."""
        return "hospitalization" in self.criteria


def fall_ill(person: Person) -> list[Illness]:
    """Return the person's illnesses by onset, and make their readings follow."""
    if person.is_treated:
        found = [*_scripted(person), *_common(person), *_serious(person)]
    else:
        found = _in_screening(person)
    end = person.day_of(person.times.cutoff)
    found = sorted(
        (one for one in found if one.starts < min(end - 0.5, person.follow_up_ends + 1)),
        key=lambda one: one.starts,
    )
    person.episodes = [Episode(one.kind, one.starts, one.ends, one.is_serious) for one in found]
    return found


def _scripted(person: Person) -> list[Illness]:
    hospital = frozenset({"hospitalization"})
    day = float(person.last_day)
    match person.story:
        case Story.SUSAR_LIVER:
            criteria = hospital | {"other_medically_important"}
            return [Illness(LIVER_INJURY, 25.3, 43.0, 4, criteria, is_related=True)]
        case Story.SUSAR_ALLERGY:
            criteria = hospital | {"life_threatening"}
            return [Illness(ANAPHYLAXIS, 15.4, 18.5, 4, criteria, is_related=True)]
        case Story.DEATH:
            return [Illness(SUDDEN_DEATH, day + 0.8, day + 0.8, 5, frozenset({"death"}))]
        case Story.CONTRADICTION:
            return [Illness(SERIOUS[1], 12.45, 14.6, 3, hospital, serious_as_reported="no")]
        case Story.PNEUMONIA:
            return [Illness(_PNEUMONIA, 33.4, 44.5, 3, hospital)]
    return []


def _common(person: Person) -> list[Illness]:
    draws = person.draws
    kinds = [kind for kind in COMMON if person.trial.key in kind.trials]
    treated = person.arm == 0 and person.trial.key == "phase3"
    weights = [kind.weight * (1.25 if treated and kind.expected else 1) for kind in kinds]
    mean = 0.75 + 0.7 * person.frailty + (0.6 if person.trial.key == "phase2" else 0)
    found, day = [], draws.waiting(56 / mean)
    while day < person.last_day + 6:
        kind = draws.pick(kinds, weights)
        starts = int(day) + 1 + draws.uniform(0.3, 0.95)
        length = draws.uniform(*kind.days)
        grade = draws.pick((1, 2, 3), (60, 32, 8))
        related = draws.chance(0.55 if kind.expected else 0.12)
        found.append(Illness(kind, starts, starts + length, grade, is_related=related))
        day += draws.waiting(56 / mean) + 1
    return found


def _serious(person: Person) -> list[Illness]:
    """Draw a serious event for a few of the frail; unless expected, none is related."""
    draws = person.draws
    hit = draws.chance(0.03 + 0.11 * person.frailty)
    starts = draws.integer(6, max(person.last_day, 8)) + draws.uniform(0.25, 0.9)
    kind = draws.pick(SERIOUS, [one.weight for one in SERIOUS])
    length = draws.uniform(*kind.days)
    if not hit or person.story is not None or person.fate is Fate.DIED:
        return []
    related = kind.expected and draws.chance(0.6)
    criteria = {"hospitalization"}
    if kind.coded_term == "Hip fracture" and draws.chance(0.5):
        criteria.add("disability")
    grade = draws.pick((3, 4), (3, 1))
    return [Illness(kind, starts, starts + length, grade, frozenset(criteria), related)]


def _in_screening(person: Person) -> list[Illness]:
    draws = person.draws
    days = (person.day_one - person.screened_at.date()).days
    if days < 3 or not draws.chance(0.15):
        return []
    kind = draws.pick(COMMON[:6])
    starts = -days + 1 + draws.uniform(0.2, 1.5)
    return [Illness(kind, starts, starts + draws.uniform(*kind.days), 1)]
