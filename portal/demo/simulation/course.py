"""How a simulated patient is, moment by moment: usual values, the time of day, getting worse.

Pure: the same seed and patient are always the same person.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.demo.generator.catalog import COMMON, SERIOUS, EventKind
from portal.demo.generator.design import PHASE_3
from portal.demo.generator.draws import Draws, clamp
from portal.demo.generator.people import usual_answers, usual_readings
from portal.demo.generator.times import zone_of
from portal.demo.generator.vitals import CODES

# Lowest at four in the morning, highest at four in the afternoon: half the swing over a day.
# Source: circadian rhythm of core temperature (0.5 Cel) and of pressure (dipping by about 10 %).
SWING = {
    "temperature": 0.3,
    "heart_rate": 5.0,
    "systolic_bp": 7.0,
    "diastolic_bp": 4.5,
    "respiratory_rate": 0.8,
}
_LOWEST_HOUR = 4.0
# A person falls ill for minutes, not for days: somebody is to see it happen.
_EVERY_SECONDS = 2400.0
_LONG = (300.0, 1200.0)


@dataclass(frozen=True, slots=True)
class Spell:
    """A time of being ill, in seconds from the begin of the simulation."""

    kind: EventKind
    starts: float
    lasts: float

    def intensity(self, second: float) -> float:
        """Return how much of the effect shows, 0 to 1: it comes in a third of its time."""
        place = (second - self.starts) / self.lasts
        return clamp(min(place * 3, (1 - place) * 3), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Course:
    """One person of the simulation."""

    usual: dict[str, float]
    mood: dict[str, float]
    spells: tuple[Spell, ...]
    time_zone: str

    def reading(self, code: str, at: datetime, second: float) -> float:
        """Return what a perfect instrument would show."""
        value = self.usual[code] + self.effect(code, second)
        value += SWING.get(code, 0.0) * rhythm(at, self.time_zone)
        low, high = CODES[code][3:]
        return clamp(value, low, high)

    def effect(self, of: str, second: float) -> float:
        """Return what all illness adds to a reading or an answer."""
        return sum(
            spell.kind.effects[of] * spell.intensity(second)
            for spell in self.spells
            if of in spell.kind.effects
        )


def rhythm(at: datetime, time_zone: str) -> float:
    """Return where the body is in its day: -1 at four in the morning, 1 twelve hours later."""
    local = at.astimezone(zone_of(time_zone))
    hour = local.hour + local.minute / 60
    return -math.cos((hour - _LOWEST_HOUR) / 24 * 2 * math.pi)


def course_of(seed: int, patient: UUID, time_zone: str, hours: float = 24.0) -> Course:
    """Return the person that a seed makes of a patient."""
    draws = Draws("simulation", seed, patient)
    age, sex = draws.integer(35, 82), draws.pick("FM")
    spells, second = [], draws.waiting(_EVERY_SECONDS)
    while second < hours * 3600:
        kind = draws.pick(SERIOUS if draws.chance(0.3) else COMMON)
        spells.append(Spell(kind, second, draws.uniform(*_LONG)))
        second += spells[-1].lasts + draws.waiting(_EVERY_SECONDS)
    return Course(
        usual=usual_readings(draws, PHASE_3, sex, age),
        mood=usual_answers(draws, clamp((age - 30) / 60, 0, 1)),
        spells=tuple(spells),
        time_zone=time_zone,
    )
