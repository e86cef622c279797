"""One row for each vital sign: codes, canonical unit, accepted units, physical limits.

Units: low and high are in the canonical unit (UCUM).
Source: LOINC and SNOMED CT codes; UCUM defines m[Hg] as 133.3220 kPa; CDISC CT VSTESTCD; the
international pound and inch of 1959 are exact; 18.016 mg/dL of glucose are 1 mmol/L.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from patients.rules.units import SAME, Conversion, ucum
from patients.vocabulary import VitalCode as V

TRUE, FALSE = "true", "false"


class Kind(StrEnum):
    """What a code's value is."""

    NUMERIC = "numeric"
    INTEGER = "integer"
    CODED = "coded"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class VitalMeasure:
    """One code: its unit (UCUM), what else is accepted, and what a living body cannot exceed."""

    code: V
    unit: str
    kind: Kind = Kind.NUMERIC
    accepts: Mapping[str, Conversion] = field(default_factory=dict)
    low: Decimal | None = None
    high: Decimal | None = None
    values: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()
    snomed: str = ""
    cdisc_test: str = ""
    cdisc_unit: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether the value is a number in a unit."""
        return self.kind in (Kind.NUMERIC, Kind.INTEGER)

    def conversion(self, unit: str) -> Conversion | None:
        """Return how a unit (UCUM or CDISC spelling) is converted; None when not accepted."""
        found = self.accepts.get(unit)
        return found if found is not None else self.accepts.get(ucum(unit))


_RATE: Mapping[str, Conversion] = {"/min": SAME}
_PRESSURE: Mapping[str, Conversion] = {
    "mm[Hg]": SAME,
    "kPa": Conversion(over=Decimal("0.133322")),
}
_NO_UNIT: Mapping[str, Conversion] = {"": SAME}

_MEASURES = (
    VitalMeasure(
        V.HEART_RATE,
        "/min",
        accepts=_RATE,
        low=Decimal(0),
        high=Decimal(350),
        loinc=("8867-4",),
        cdisc_test="HR",
        cdisc_unit="beats/min",
    ),
    VitalMeasure(
        V.PULSE_RATE,
        "/min",
        accepts=_RATE,
        low=Decimal(0),
        high=Decimal(350),
        loinc=("8889-8", "8893-0"),
        cdisc_test="PULSE",
        cdisc_unit="beats/min",
    ),
    VitalMeasure(
        V.SYSTOLIC_BP,
        "mm[Hg]",
        accepts=_PRESSURE,
        low=Decimal(0),
        high=Decimal(350),
        loinc=("8480-6",),
        cdisc_test="SYSBP",
    ),
    VitalMeasure(
        V.DIASTOLIC_BP,
        "mm[Hg]",
        accepts=_PRESSURE,
        low=Decimal(0),
        high=Decimal(250),
        loinc=("8462-4",),
        cdisc_test="DIABP",
    ),
    VitalMeasure(
        V.MEAN_ARTERIAL_PRESSURE,
        "mm[Hg]",
        accepts=_PRESSURE,
        # A mean of the two pressures: it cannot lie outside the limits of the higher one.
        low=Decimal(0),
        high=Decimal(350),
        loinc=("8478-0",),
        cdisc_test="MAP",
    ),
    VitalMeasure(
        V.RESPIRATORY_RATE,
        "/min",
        accepts=_RATE,
        low=Decimal(0),
        high=Decimal(120),
        loinc=("9279-1",),
        cdisc_test="RESP",
        cdisc_unit="breaths/min",
    ),
    VitalMeasure(
        V.SPO2,
        "%",
        accepts={"%": SAME},
        low=Decimal(0),
        high=Decimal(100),
        loinc=("2708-6", "59408-5"),
        cdisc_test="OXYSAT",
    ),
    VitalMeasure(
        V.TEMPERATURE,
        "Cel",
        accepts={
            "Cel": SAME,
            "[degF]": Conversion(times=Decimal(5), over=Decimal(9), subtract=Decimal(32)),
        },
        low=Decimal(20),
        high=Decimal(46),
        loinc=("8310-5", "8331-1", "8333-7", "8328-7", "8332-9"),
        cdisc_test="TEMP",
    ),
    VitalMeasure(
        V.WEIGHT,
        "kg",
        accepts={
            "kg": SAME,
            "g": Conversion(times=Decimal("0.001")),
            "[lb_av]": Conversion(times=Decimal("0.45359237")),
        },
        low=Decimal("0.2"),
        high=Decimal(700),
        loinc=("29463-7",),
        cdisc_test="WEIGHT",
    ),
    VitalMeasure(
        V.HEIGHT,
        "cm",
        accepts={
            "cm": SAME,
            "m": Conversion(times=Decimal(100)),
            "[in_i]": Conversion(times=Decimal("2.54")),
        },
        low=Decimal(20),
        high=Decimal(280),
        loinc=("8302-2",),
        cdisc_test="HEIGHT",
    ),
    VitalMeasure(
        V.BMI,
        "kg/m2",
        accepts={"kg/m2": SAME},
        low=Decimal(0),
        loinc=("39156-5",),
        cdisc_test="BMI",
    ),
    VitalMeasure(
        V.BLOOD_GLUCOSE,
        "mmol/L",
        accepts={"mmol/L": SAME, "mg/dL": Conversion(over=Decimal("18.016"))},
        low=Decimal(0),
        high=Decimal(120),
        loinc=("15074-8", "2339-0", "14743-9", "41653-7"),
    ),
    VitalMeasure(
        V.CONSCIOUSNESS,
        "",
        Kind.CODED,
        accepts=_NO_UNIT,
        values=("A", "C", "V", "P", "U"),
        # 80288-4 is AVPU and has no C; the SNOMED concept is ACVPU.
        loinc=("80288-4",),
        snomed="1104441000000107",
    ),
    VitalMeasure(V.SUPPLEMENTAL_OXYGEN, "", Kind.BOOLEAN, accepts=_NO_UNIT, values=(TRUE, FALSE)),
    VitalMeasure(
        V.OXYGEN_FLOW_RATE, "L/min", accepts={"L/min": SAME}, low=Decimal(0), loinc=("3151-8",)
    ),
    VitalMeasure(
        V.FIO2, "%", accepts={"%": SAME}, low=Decimal(0), high=Decimal(100), loinc=("3150-0",)
    ),
    VitalMeasure(
        V.OXYGEN_DEVICE,
        "",
        Kind.CODED,
        accepts=_NO_UNIT,
        # The devices that the observation chart of NEWS2 (RCP 2017) tells apart.
        values=(
            "none",
            "nasal_cannula",
            "simple_mask",
            "venturi_mask",
            "reservoir_mask",
            "tracheostomy_mask",
            "humidified_oxygen",
            "cpap_mask",
            "noninvasive_ventilation",
            "other",
        ),
    ),
    VitalMeasure(
        V.PAIN_SCORE,
        "{score}",
        Kind.INTEGER,
        accepts={"{score}": SAME},
        low=Decimal(0),
        high=Decimal(10),
        loinc=("72514-3",),
    ),
)
VITAL_CODES: Mapping[str, VitalMeasure] = {measure.code.value: measure for measure in _MEASURES}
# The codes whose values are numbers, with their names, as choices.
NUMERIC_CODES = [(code, name) for code, name in V.choices if VITAL_CODES[code].is_numeric]
