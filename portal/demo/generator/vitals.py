"""Vital signs: at visits, at home, and rounds in hospital, all drawn from how the person really is.

A reading carries what was written (in the site's units) and its canonical value.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from patients.rules.vital_table import VITAL_CODES
from portal.demo.generator import records as r
from portal.demo.generator.draws import clamp
from portal.demo.generator.illness import Illness
from portal.demo.generator.participation import Maker
from portal.demo.generator.people import Story
from portal.demo.generator.times import full
from portal.demo.generator.visits import Kept

# code -> (UCUM unit, decimals written, spread of one reading, lowest, highest that a body reaches)
CODES: dict[str, tuple[str, int, float, float, float]] = {
    "systolic_bp": ("mm[Hg]", 0, 5.5, 58, 238),
    "diastolic_bp": ("mm[Hg]", 0, 3.5, 32, 140),
    "heart_rate": ("/min", 0, 4, 38, 176),
    "respiratory_rate": ("/min", 0, 1.1, 8, 44),
    "temperature": ("Cel", 1, 0.14, 34.6, 41.4),
    "spo2": ("%", 0, 0.7, 74, 100),
    "weight": ("kg", 1, 0.5, 36, 210),
    "height": ("cm", 0, 0.3, 130, 212),
    "blood_glucose": ("mmol/L", 1, 0.7, 2.1, 24),
}
# What is written in the United States.
US_UNITS = {
    "temperature": "[degF]",
    "weight": "[lb_av]",
    "height": "[in_i]",
    "blood_glucose": "mg/dL",
}
AT_VISIT = (
    "systolic_bp",
    "diastolic_bp",
    "heart_rate",
    "respiratory_rate",
    "temperature",
    "weight",
)
AT_HOME = ("systolic_bp", "diastolic_bp", "heart_rate")
IN_HOSPITAL = (
    "systolic_bp",
    "diastolic_bp",
    "heart_rate",
    "respiratory_rate",
    "temperature",
    "spo2",
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and how some readings are taken."""

    at: datetime
    received_at: datetime
    setting: str
    name: str
    visit_id: UUID | None = None
    device_id: UUID | None = None
    position: str = "sitting"
    timepoint: str = ""


def vital_signs(
    make: Maker,
    kept: list[Kept],
    illnesses: list[Illness],
    cuff: r.DeviceAssignment | None,
    ward: r.Device,
) -> list[r.Row]:
    """Return the patient's readings."""
    rows: list[r.Row] = []
    for visit in kept:
        if visit.is_on_site:
            rows += _at_visit(make, visit)
    if cuff is not None:
        rows += _at_home(make, cuff)
    for number, illness in enumerate(illnesses):
        if illness.is_in_hospital:
            rows += _in_hospital(make, illness, number, ward)
    return rows


def _at_visit(make: Maker, visit: Kept) -> list[r.Row]:
    draws, row = make.person.draws, visit.row
    at = visit.begins + timedelta(minutes=draws.integer(5, 25))
    received = max(row.entered_at, at)
    one = Occasion(at, received, "visit", f"{row.kind}{row.number}{row.name}", row.id)
    codes = [code for code in AT_VISIT if code != "weight" or not draws.chance(0.03)]
    if visit.plan is not None and visit.plan.anchor == "consent":
        codes.append("height")
    if make.person.trial.key == "phase4":
        codes.append("blood_glucose")
        if visit.plan is not None and visit.plan.day == 1:
            codes.append("height")
    rows: list[r.Row] = [*_readings(make, one, codes)]
    if "weight" not in codes and draws.chance(0.6):
        rows.append(_reading(make, one, "weight", not_done="Scales out of order"))
    if make.person.trial.key == "phase3" and visit.plan is not None and visit.plan.labs:
        standing = Occasion(
            at + timedelta(minutes=4),
            received,
            "visit",
            one.name,
            row.id,
            None,
            "standing",
            "after 1 min standing",
        )
        rows += _readings(make, standing, AT_HOME)
    return rows


def _at_home(make: Maker, cuff: r.DeviceAssignment) -> list[r.Row]:
    """Return mornings with a cuff, every third or fourth day; some arrive days later."""
    person, draws = make.person, make.person.draws
    rows: list[r.Row] = []
    day = 2 + draws.integer(0, 2)
    while day <= min(person.last_day, 56):
        at = person.at(day, 6.75 + draws.integer(0, 9) / 4)
        late = draws.waiting(2.2) if draws.chance(0.08) else draws.waiting(0.004)
        received = at + timedelta(days=late, seconds=20)
        if make.is_over(received):
            break
        if draws.chance(person.diligence):
            one = Occasion(at, received, "home", f"home{day}", device_id=cuff.device_id)
            rows += _readings(make, one, AT_HOME)
        day += draws.integer(3, 4)
    return rows


def _in_hospital(make: Maker, illness: Illness, number: int, ward: r.Device) -> list[r.Row]:
    """Return rounds of an inpatient, two a day for up to four days, from admission."""
    person = make.person
    rows: list[r.Row] = []
    for turn in range(8):
        at = person.moment(illness.starts) + timedelta(hours=3 + 12 * turn)
        if person.day_of(at) > illness.ends or make.is_over(at + timedelta(hours=1)):
            break
        one = Occasion(
            at,
            at + timedelta(minutes=6),
            "inpatient",
            f"ward{number}-{turn}",
            device_id=ward.id,
            position="semi_recumbent",
        )
        readings = _readings(make, one, IN_HOSPITAL)
        readings.append(_coded(make, one, "consciousness", "A"))
        low = min(float(x.value or 100) for x in readings if x.code == "spo2") < 92
        readings.append(_coded(make, one, "supplemental_oxygen", "true" if low else "false"))
        rows += readings
    return rows


def _readings(make: Maker, one: Occasion, codes: list[str] | tuple[str, ...]) -> list[r.VitalSign]:
    panel = make.person.times.key(
        one.received_at, make.person.subject_number, "panel", one.name, one.position
    )
    return [
        _reading(make, one, code, panel=panel if code.endswith("_bp") else None) for code in codes
    ]


def truth(make: Maker, code: str, at: datetime, position: str = "sitting") -> float:
    """Return what a perfect instrument would show."""
    person = make.person
    day = person.day_of(at)
    hour = day % 1 * 24
    value = person.baseline[code] + person.effect(code, day)
    if code == "temperature":
        value += 0.25 * clamp((hour - 7) / 10, 0, 1)
    if code == "heart_rate" and position == "standing":
        value += 7
    if code == "systolic_bp":
        value += {"standing": -6, "semi_recumbent": 2}.get(position, 0)
        # The new product lowers pressure a little, in two weeks.
        if person.trial.key == "phase3" and person.arm == 0 and person.is_treated:
            value -= 5.5 * clamp((day - 1) / 14, 0, 1)
    return value


def _reading(
    make: Maker, one: Occasion, code: str, panel: UUID | None = None, not_done: str = ""
) -> r.VitalSign:
    unit, decimals, spread, low, high = CODES[code]
    draws = make.person.draws
    drawn = clamp(draws.normal(truth(make, code, one.at, one.position), spread), low, high)
    written, written_unit, value, factor = _written(make, code, drawn, unit, decimals)
    flags: tuple[str, ...] = ()
    if _is_slip_of_the_pen(make, one, code):
        written, value, flags = written + "0", value * 10, ("implausible",)
    home = one.setting == "home"
    return r.VitalSign(
        **make.base(one.received_at, "vital", one.name, one.position, code),
        visit_id=one.visit_id,
        code=code,
        original_value="" if not_done else written,
        original_unit="" if not_done else written_unit,
        comparator="",
        value=None if not_done else value,
        unit=unit,
        factor="" if not_done else factor,
        measured_at=full(one.at, make.person.zone),
        measured=one.at,
        received_at=one.received_at,
        panel=panel,
        position=one.position if code not in ("weight", "height") else "standing",
        body_site={"temperature": "tympanic", "spo2": "finger"}.get(code, ""),
        method="automated" if code.endswith("_bp") else "",
        timepoint=one.timepoint,
        repeat=1,
        setting=one.setting,
        observation_set=one.name if one.setting == "inpatient" else "",
        originator="device" if home else "staff",
        device_id=one.device_id,
        status="final",
        not_done_reason=not_done,
        flags=flags,
    )


def _coded(make: Maker, one: Occasion, code: str, value: str) -> r.VitalSign:
    return r.VitalSign(
        **make.base(one.received_at, "vital", one.name, one.position, code),
        visit_id=None,
        code=code,
        original_value=value,
        original_unit="",
        comparator="",
        value=None,
        unit="",
        factor="",
        measured_at=full(one.at, make.person.zone),
        measured=one.at,
        received_at=one.received_at,
        panel=None,
        position="",
        body_site="",
        method="",
        timepoint="",
        repeat=1,
        setting=one.setting,
        observation_set=one.name if one.setting == "inpatient" else "",
        originator="staff",
        device_id=None,
        status="final",
        not_done_reason="",
        flags=(),
    )


def _written(
    make: Maker, code: str, drawn: float, unit: str, decimals: int
) -> tuple[str, str, Decimal, str]:
    """Return text and unit as written, the canonical value (unrounded) and the factor used."""
    if not make.site.design.us_units or code not in US_UNITS:
        text = f"{drawn:.{decimals}f}"
        return text, unit, Decimal(text), ""
    us_unit = US_UNITS[code]
    conversion = VITAL_CODES[code].accepts[us_unit]
    text = f"{conversion.invert(Decimal(drawn)):.{0 if code == 'blood_glucose' else 1}f}"
    exact = conversion.apply(Decimal(text))
    return text, us_unit, exact.quantize(Decimal("0.000001"), ROUND_HALF_UP), conversion.text


def _is_slip_of_the_pen(make: Maker, one: Occasion, code: str) -> bool:
    """One heart rate of the demo has a zero too many."""
    return (
        make.person.story is Story.IMPLAUSIBLE_READING
        and code == "heart_rate"
        and one.name == "planned2Baseline"
        and one.position == "sitting"
    )
