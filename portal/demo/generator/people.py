"""Who is in the trials, and what became of them: the facts behind every row about a patient.

A Person is never emitted. It holds what nobody in a trial knows: how ill somebody really is on a
given day. Readings, diaries and results are drawn from that, and so they agree with each other.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.demo.generator.catalog import EventKind
from portal.demo.generator.design import SiteDesign, TrialDesign
from portal.demo.generator.draws import Draws, clamp
from portal.demo.generator.records import Site
from portal.demo.generator.times import Times, instant, zone_of


class Fate(StrEnum):
    """How a patient's participation goes."""

    SCREEN_FAILURE = "screen_failure"
    TREATED = "treated"
    DISCONTINUED = "discontinued"
    WITHDREW = "withdrew"
    LOST = "lost"
    DIED = "died"


class Story(StrEnum):
    """What the demo wants to show and leaves to no chance."""

    SUSAR_LIVER = "susar_liver"
    SUSAR_ALLERGY = "susar_allergy"
    DEATH = "death"
    WITHDRAWAL = "withdrawal"
    LOST = "lost"
    IMPLAUSIBLE_READING = "implausible_reading"
    RESCREENED = "rescreened"
    SAFETY_ANSWER = "safety_answer"
    CONTRADICTION = "contradiction"
    PNEUMONIA = "pneumonia"


# (site number, position at the site) -> story
STORIES: dict[tuple[int, int], Story] = {
    (1, 5): Story.SUSAR_LIVER,
    (5, 4): Story.SUSAR_ALLERGY,
    (2, 4): Story.DEATH,
    (4, 6): Story.WITHDRAWAL,
    (8, 2): Story.LOST,
    (3, 9): Story.IMPLAUSIBLE_READING,
    (1, 3): Story.RESCREENED,
    (1, 11): Story.SAFETY_ANSWER,
    (1, 9): Story.CONTRADICTION,
    (1, 1): Story.PNEUMONIA,
}
# Site 1's first twenty patients have accounts of their own: all but these are in treatment.
_FAILED_AT_SITE_1 = frozenset({7, 16})
_FATE_OF_STORY = {
    Story.DEATH: Fate.DIED,
    Story.WITHDRAWAL: Fate.WITHDREW,
    Story.LOST: Fate.LOST,
    Story.SUSAR_LIVER: Fate.DISCONTINUED,
    Story.SUSAR_ALLERGY: Fate.DISCONTINUED,
}


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of illness, in days; a serious one announces itself."""

    kind: EventKind
    starts: float
    ends: float
    serious: bool

    def intensity(self, day: float) -> float:
        """Return how much of the effect shows on a day, 0 to 1."""
        warning = 5.0 if self.serious else 0.5
        if day < self.starts:
            return 0.6 * clamp(1 - (self.starts - day) / warning, 0, 1)
        if day <= self.ends:
            return 1.0
        return clamp(1 - (day - self.ends) / 2, 0, 1)


@dataclass(slots=True)
class Person:
    """One patient of the demo, with the truth about them."""

    id: UUID
    times: Times
    trial: TrialDesign
    design: SiteDesign
    site: Site
    position: int
    subject_number: str
    draws: Draws
    screened_at: datetime
    day_one: date
    fate: Fate
    story: Story | None
    sex: str
    age: int
    arm: int
    frailty: float
    baseline: dict[str, float]
    mood: dict[str, float]
    diligence: float
    last_day: int = 57
    episodes: list[Episode] = field(default_factory=list)

    @property
    def zone(self) -> str:
        """The zone of the patient's site."""
        return self.design.zone

    @property
    def is_treated(self) -> bool:
        """Whether treatment has begun before the demo's end."""
        return self.fate is not Fate.SCREEN_FAILURE and self.at(1, 12) < self.times.cutoff

    @property
    def follow_up_ends(self) -> int:
        """The last day on which anything is recorded."""
        if self.fate in (Fate.DIED, Fate.LOST, Fate.WITHDREW):
            return self.last_day
        return self.last_day + 16

    def on(self, day: int) -> date:
        """Return the date of a day: 1 is randomization, 0 the day before (never shown as such)."""
        return self.day_one + timedelta(days=day - 1)

    def at(self, day: int, hour: float) -> datetime:
        """Return the instant of a local wall time on a day."""
        return instant(self.on(day), hour, self.zone)

    def moment(self, day: float) -> datetime:
        """Return the instant of a day with its fraction."""
        return self.at(int(day // 1), day % 1 * 24)

    def day_of(self, at: datetime) -> float:
        """Return the day of an instant, with its fraction by the local clock."""
        local = at.astimezone(zone_of(self.zone))
        fraction = (local.hour * 60 + local.minute) / 1440
        return (local.date() - self.day_one).days + 1 + fraction

    def effect(self, of: str, day: float) -> float:
        """Return what all illness adds to a reading or an answer on a day."""
        return sum(
            episode.kind.effects[of] * episode.intensity(day)
            for episode in self.episodes
            if of in episode.kind.effects
        )


def enroll(times: Times, trial: TrialDesign, design: SiteDesign, site: Site) -> list[Person]:
    """Return the patients of a site in the order of their screening."""
    return [_person(times, trial, design, site, position) for position in range(design.patients)]


def _person(
    times: Times, trial: TrialDesign, design: SiteDesign, site: Site, position: int
) -> Person:
    draws = Draws(times.seed, "person", design.number, position)
    subject_number = f"{site.code}-{position + 1:03d}"
    oldest, newest = design.begin_days_ago
    begun = oldest - (oldest - newest) * position / max(design.patients - 1, 1)
    day_one = times.as_of - timedelta(days=round(begun))
    # Whose first day lies ahead is in screening; all have been screened before the end.
    ahead = (day_one - times.as_of).days
    screening = day_one - timedelta(days=max(draws.integer(2, trial.screening_days), ahead + 2))
    screened_at = instant(screening, 8.5 + draws.integer(0, 20) / 4, design.zone)
    story = STORIES.get((design.number, position))
    age = int(clamp(draws.normal(sum(trial.adult_age) / 2, 12), *trial.adult_age))
    sex = draws.pick("FM")
    frailty = clamp(draws.normal((age - 30) / 60, 0.2), 0, 1.2)
    fate = _fate(draws, design, position, story)
    return Person(
        id=times.key(screened_at, "patient", subject_number),
        times=times,
        trial=trial,
        design=design,
        site=site,
        position=position,
        subject_number=subject_number,
        draws=draws,
        screened_at=screened_at,
        day_one=day_one,
        fate=fate,
        story=story,
        sex=sex,
        age=age,
        arm=_arm(times, design, position, len(trial.arms), story),
        frailty=frailty,
        baseline=usual_readings(draws, trial, sex, age),
        mood=usual_answers(draws, frailty),
        diligence=clamp(draws.normal(0.87, 0.1), 0.45, 1.0),
        last_day=_last_day(draws, fate, story),
    )


def _arm(times: Times, design: SiteDesign, position: int, arms: int, story: Story | None) -> int:
    """Permuted blocks of four within the site; a suspected reaction is to the new product."""
    if story in (Story.SUSAR_LIVER, Story.SUSAR_ALLERGY):
        return 0
    block, place = divmod(position, 4)
    order = [index % arms for index in range(4)]
    shuffled = Draws(times.seed, "block", design.number, block).some(range(4), 2)
    if arms == 1:
        return 0
    return order[0] if place in shuffled else order[1]


def _fate(draws: Draws, design: SiteDesign, position: int, story: Story | None) -> Fate:
    if story is not None:
        return _FATE_OF_STORY.get(story, Fate.TREATED)
    if design.number == 1 and position < 20:
        return Fate.SCREEN_FAILURE if position in _FAILED_AT_SITE_1 else Fate.TREATED
    if draws.chance(0.13):
        return Fate.SCREEN_FAILURE
    return Fate.DISCONTINUED if draws.chance(0.09) else Fate.TREATED


def _last_day(draws: Draws, fate: Fate, story: Story | None) -> int:
    if story is Story.SUSAR_LIVER:
        return 27
    if story is Story.SUSAR_ALLERGY:
        return 16
    if fate in (Fate.TREATED, Fate.SCREEN_FAILURE):
        return 57
    return draws.integer(14, 44)


def usual_readings(draws: Draws, trial: TrialDesign, sex: str, age: int) -> dict[str, float]:
    """Return usual readings: pressure rises with age, and most in the trial of hypertension."""
    hypertension = 16 if trial.key == "phase3" else 0
    height = draws.normal(176 if sex == "M" else 163, 7)
    index = clamp(draws.normal(26.5 + (2.5 if trial.key == "phase4" else 0), 3.8), 17.5, 44)
    return {
        "systolic_bp": 103 + 0.44 * age + hypertension + draws.normal(0, 8),
        "diastolic_bp": 68 + 0.12 * age + 0.4 * hypertension + draws.normal(0, 5),
        "heart_rate": clamp(draws.normal(72, 7), 50, 98),
        "respiratory_rate": draws.normal(15, 1.3),
        "temperature": draws.normal(36.6, 0.17),
        "spo2": clamp(draws.normal(97.4 - age / 90, 0.7), 92, 99.6),
        "height": height,
        "weight": index * (height / 100) ** 2,
        "blood_glucose": clamp(draws.normal(7.9 if trial.key == "phase4" else 5.4, 0.9), 3.9, 14),
    }


def usual_answers(draws: Draws, frailty: float) -> dict[str, float]:
    """Return usual answers of the diary."""
    return {
        "pain": clamp(draws.normal(1.0 + 1.6 * frailty, 0.9), 0, 6),
        "nausea": clamp(draws.normal(0.4, 0.5), 0, 4),
        "fatigue": clamp(draws.normal(1.6 + 2.2 * frailty, 1.0), 0, 7),
        "sleep": clamp(draws.normal(7.2 - frailty, 1.1), 2, 10),
        "mood": clamp(draws.normal(7.4 - 0.7 * frailty, 1.1), 2, 10),
    }
