"""What can happen: adverse events, conditions, medications, laboratory tests, as tables.

`effects` are the change at full intensity, in canonical units (temperature Cel, pressures mm[Hg],
rates /min, spo2 %) and points of the diary's scales; they are what ties the data together.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of adverse event; `days` is its usual length."""

    term: str
    coded_term: str
    system_organ_class: str
    weight: float
    days: tuple[int, int]
    effects: dict[str, float] = field(default_factory=dict)
    expected: bool = False
    trials: tuple[str, ...] = ("phase3", "phase2", "phase4")


GI, NERV = "Gastrointestinal disorders", "Nervous system disorders"
GENERAL = "General disorders and administration site conditions"
INFECT, RESP = "Infections and infestations", "Respiratory, thoracic and mediastinal disorders"
CARD, VASC = "Cardiac disorders", "Vascular disorders"
MUSC, SKIN = (
    "Musculoskeletal and connective tissue disorders",
    ("Skin and subcutaneous tissue disorders"),
)

COMMON = (
    EventKind("Headache", "Headache", NERV, 14, (1, 4), {"pain": 3, "sleep": -1.5}, True),
    EventKind("nausea after breakfast", "Nausea", GI, 12, (1, 6), {"nausea": 4, "mood": -1}, True),
    EventKind(
        "Fever",
        "Pyrexia",
        GENERAL,
        9,
        (2, 5),
        {"temperature": 1.7, "heart_rate": 17, "respiratory_rate": 3, "fatigue": 3, "sleep": -2},
    ),
    EventKind(
        "dizzy on standing up", "Dizziness", NERV, 9, (2, 12), {"systolic_bp": -9, "mood": -1}, True
    ),
    EventKind("Tiredness", "Fatigue", GENERAL, 9, (5, 21), {"fatigue": 3.5, "mood": -1.5}, True),
    EventKind(
        "cold with sore throat",
        "Nasopharyngitis",
        INFECT,
        9,
        (4, 10),
        {"temperature": 0.7, "heart_rate": 7, "fatigue": 2},
    ),
    EventKind("Loose stools", "Diarrhoea", GI, 8, (1, 5), {"nausea": 2, "heart_rate": 4}, True),
    EventKind("Back pain", "Back pain", MUSC, 6, (3, 20), {"pain": 3.5, "sleep": -2}),
    EventKind("rash on both arms", "Rash", SKIN, 5, (4, 14), {"mood": -0.5}, True),
    EventKind(
        "Swollen ankles",
        "Oedema peripheral",
        GENERAL,
        5,
        (7, 30),
        {"weight": 1.2},
        True,
        ("phase3",),
    ),
    EventKind("Palpitations", "Palpitations", CARD, 4, (1, 6), {"heart_rate": 18}),
    EventKind("cough", "Cough", RESP, 5, (4, 18), {"respiratory_rate": 2, "sleep": -1}),
    EventKind(
        "Vomiting", "Vomiting", GI, 6, (1, 3), {"nausea": 5, "heart_rate": 6}, True, ("phase2",)
    ),
    EventKind(
        "Low sugar",
        "Hypoglycaemia",
        "Metabolism and nutrition disorders",
        8,
        (0, 1),
        {"heart_rate": 10, "blood_glucose": -2.2},
        True,
        ("phase4",),
    ),
)

SERIOUS = (
    EventKind(
        "Pneumonia",
        "Pneumonia",
        INFECT,
        4,
        (8, 16),
        {
            "temperature": 2.0,
            "heart_rate": 26,
            "respiratory_rate": 9,
            "spo2": -6,
            "systolic_bp": -12,
            "fatigue": 5,
            "mood": -3,
            "sleep": -3,
        },
    ),
    EventKind(
        "Syncope with fall",
        "Syncope",
        NERV,
        2,
        (1, 4),
        {"systolic_bp": -24, "diastolic_bp": -10, "heart_rate": 12, "fatigue": 3},
        True,
    ),
    EventKind(
        "Acute kidney failure",
        "Acute kidney injury",
        "Renal and urinary disorders",
        2,
        (7, 18),
        {"heart_rate": 12, "weight": 2.1, "nausea": 3, "fatigue": 4, "mood": -2},
    ),
    EventKind(
        "Heart failure, worse",
        "Cardiac failure",
        CARD,
        2,
        (6, 15),
        {
            "heart_rate": 22,
            "respiratory_rate": 7,
            "spo2": -5,
            "weight": 3.0,
            "fatigue": 5,
            "sleep": -4,
        },
    ),
    EventKind(
        "Broken hip after a fall",
        "Hip fracture",
        "Injury, poisoning and procedural complications",
        1,
        (14, 30),
        {"pain": 6, "heart_rate": 9, "sleep": -3, "mood": -2},
    ),
)

ANAPHYLAXIS = EventKind(
    "Severe allergic reaction with shock",
    "Anaphylactic shock",
    "Immune system disorders",
    0,
    (2, 4),
    {
        "heart_rate": 42,
        "systolic_bp": -46,
        "diastolic_bp": -22,
        "respiratory_rate": 11,
        "spo2": -9,
        "fatigue": 5,
    },
)
LIVER_INJURY = EventKind(
    "Acute liver injury",
    "Drug-induced liver injury",
    "Hepatobiliary disorders",
    0,
    (14, 25),
    {"temperature": 0.9, "heart_rate": 13, "nausea": 6, "fatigue": 6, "mood": -3, "pain": 2},
)
SUDDEN_DEATH = EventKind(
    "Sudden cardiac death",
    "Sudden cardiac death",
    CARD,
    0,
    (0, 0),
    {"heart_rate": 24, "systolic_bp": -14, "spo2": -4, "fatigue": 4, "mood": -3},
)

# verbatim, coded term, class, usual medication as (verbatim, dose, unit, route)
HISTORY = (
    ("high blood pressure", "Hypertension", VASC, ("Amlodipine", "5", "mg", "oral")),
    (
        "Type 2 diabetes",
        "Type 2 diabetes mellitus",
        "Metabolism and nutrition disorders",
        ("metformin", "850", "mg", "oral"),
    ),
    (
        "high cholesterol",
        "Hypercholesterolaemia",
        "Metabolism and nutrition disorders",
        ("Atorvastatin", "20", "mg", "oral"),
    ),
    ("Knee arthrosis", "Osteoarthritis", MUSC, ("paracetamol as needed", "500", "mg", "oral")),
    ("asthma since childhood", "Asthma", RESP, ("Salbutamol spray", "100", "ug", "inhaled")),
    ("Appendix removed", "Appendicectomy", "Surgical and medical procedures", None),
    ("migraine", "Migraine", NERV, ("ibuprofen", "400", "mg", "oral")),
    (
        "Underactive thyroid",
        "Hypothyroidism",
        "Endocrine disorders",
        ("levothyroxine", "75", "ug", "oral"),
    ),
)
REMEDIES = {
    "Headache": ("paracetamol", "1", "g", "oral"),
    "Pyrexia": ("Paracetamol", "500", "mg", "oral"),
    "Nausea": ("metoclopramide", "10", "mg", "oral"),
    "Back pain": ("Ibuprofen", "400", "mg", "oral"),
    "Rash": ("cetirizine", "10", "mg", "oral"),
    "Pneumonia": ("Amoxicillin", "1", "g", "intravenous"),
    "Anaphylactic shock": ("Epinephrine", "0.5", "mg", "intramuscular"),
}


@dataclass(frozen=True, slots=True)
class LabTest:
    """A test: mean and spread in SI, range, and the factor to the US unit where it differs."""

    code: str
    name: str
    loinc: str
    unit: str
    mean: float
    spread: float
    low: float
    high: float
    decimals: int
    us_unit: str = ""
    us_loinc: str = ""
    us_factor: float = 1.0
    specimen: str = "serum"


LABS = (
    LabTest("ALT", "Alanine aminotransferase", "1742-6", "U/L", 24, 8, 0, 45, 0),
    LabTest("AST", "Aspartate aminotransferase", "1920-8", "U/L", 22, 6, 0, 40, 0),
    LabTest(
        "CREAT", "Creatinine", "14682-9", "umol/L", 78, 13, 50, 110, 0, "mg/dL", "2160-0", 1 / 88.42
    ),
    LabTest(
        "HGB", "Hemoglobin", "718-7", "g/L", 139, 12, 120, 170, 0, "g/dL", "718-7", 0.1, "blood"
    ),
    LabTest("CRP", "C-reactive protein", "1988-5", "mg/L", 4.5, 3.5, 0, 5, 1),
    LabTest(
        "GLUC", "Glucose", "15074-8", "mmol/L", 5.6, 0.8, 3.9, 6.1, 1, "mg/dL", "2339-0", 18.016
    ),
)
