"""The demo's trials, visits and sites, as tables. Every name in them is made up."""

from dataclasses import dataclass
from typing import Any

from trials.services.instruments import shipped


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned visit: study day, window in days, contact; `labs` and `kit` say what happens."""

    oid: str
    number: str
    name: str
    day: int
    before: int
    after: int
    contact: str = "on_site"
    anchor: str = "randomization"
    labs: bool = False
    kit: bool = False


@dataclass(frozen=True, slots=True)
class TrialDesign:
    """A trial with its arms as (code, name, kind, product, dose in mg)."""

    key: str
    sponsor: int
    number: str
    title: str
    phase: str
    blinding: str
    safety_zone: str
    arms: tuple[tuple[str, str, str, str, int], ...]
    plan: tuple[Planned, ...]
    screening_days: int
    adult_age: tuple[int, int]
    amended_days_ago: int | None = None


@dataclass(frozen=True, slots=True)
class SiteDesign:
    """A site: how many patients, and from how many days before the end they begin, to how many."""

    number: int
    trial: str
    institution: str
    city: str
    country: str
    zone: str
    language: str
    race: str
    patients: int
    begin_days_ago: tuple[int, int]
    us_units: bool = False
    has_daily_diary: bool = False

    @property
    def diary_every_days(self) -> int:
        """Days between diaries: every day at the sites of the diary's sub-study, else weekly."""
        return 1 if self.has_daily_diary else 7


SPONSORS = ("Example Therapeutics", "Sample Oncology Group")

PHASE_3 = TrialDesign(
    key="phase3",
    sponsor=0,
    number="EXT-301",
    title=(
        "A randomized, double-blind, placebo-controlled phase III trial of EXT-101 "
        "in adults with hypertension"
    ),
    phase="phase_3",
    blinding="double",
    safety_zone="Europe/Paris",
    arms=(
        ("EXT101", "EXT-101 10 mg once daily", "experimental", "EXT-101", 10),
        ("PBO", "Placebo once daily", "placebo", "Placebo", 0),
    ),
    plan=(
        Planned("V.SCR", "1", "Screening", -10, 11, 9, anchor="consent", labs=True),
        Planned("V.BL", "2", "Baseline", 1, 0, 0, labs=True, kit=True),
        Planned("V.W1", "3", "Week 1", 8, 2, 2, contact="phone"),
        Planned("V.W2", "4", "Week 2", 15, 3, 3, kit=True),
        Planned("V.W4", "5", "Week 4", 29, 3, 3, labs=True, kit=True),
        Planned("V.W6", "6", "Week 6", 43, 3, 3, kit=True),
        Planned("V.W8", "7", "Week 8", 57, 3, 3, labs=True),
        Planned("V.FU", "8", "Follow-up", 71, 5, 5, contact="phone"),
    ),
    screening_days=10,
    adult_age=(32, 82),
    amended_days_ago=40,
)
PHASE_2 = TrialDesign(
    key="phase2",
    sponsor=1,
    number="SOG-201",
    title="A single-blind phase II trial of two doses of SOG-7 in advanced solid tumors",
    phase="phase_2",
    blinding="single",
    safety_zone="America/Sao_Paulo",
    arms=(
        ("LOW", "SOG-7 20 mg once daily", "experimental", "SOG-7 20 mg", 20),
        ("HIGH", "SOG-7 40 mg once daily", "experimental", "SOG-7 40 mg", 40),
    ),
    plan=(
        Planned("V.SCR", "1", "Screening", -7, 7, 6, anchor="consent", labs=True),
        Planned("V.C1D1", "2", "Cycle 1 day 1", 1, 0, 0, labs=True, kit=True),
        Planned("V.C1D8", "3", "Cycle 1 day 8", 8, 1, 1, labs=True),
        Planned("V.C2D1", "4", "Cycle 2 day 1", 22, 2, 2, labs=True, kit=True),
        Planned("V.C2D8", "4.1", "Cycle 2 day 8", 29, 1, 1, contact="video"),
        Planned("V.C3D1", "5", "Cycle 3 day 1", 43, 2, 2, labs=True, kit=True),
        Planned("V.EOT", "6", "End of treatment", 57, 3, 3, labs=True),
    ),
    screening_days=7,
    adult_age=(38, 80),
)
PHASE_4 = TrialDesign(
    key="phase4",
    sponsor=0,
    number="EXT-401",
    title="An open phase IV study of EXT-22 in routine care of type 2 diabetes",
    phase="phase_4",
    blinding="open",
    safety_zone="Europe/Paris",
    arms=(("EXT22", "EXT-22 5 mg once daily", "experimental", "EXT-22", 5),),
    plan=(
        Planned("V.ENR", "1", "Enrollment", 1, 0, 0, labs=True, kit=True),
        Planned("V.M1", "2", "Month 1", 29, 7, 7, labs=True, kit=True),
        Planned("V.M2", "3", "Month 2", 57, 7, 7, labs=True),
    ),
    screening_days=3,
    adult_age=(30, 85),
)
TRIALS = (PHASE_3, PHASE_2, PHASE_4)

# Site 1 enrolled last of all, so that its first patients are still on treatment.
SITES = (
    SiteDesign(
        1,
        "phase3",
        "Example University Hospital of Paris",
        "Paris",
        "FRA",
        "Europe/Paris",
        "fr",
        "white",
        40,
        (54, -3),
        has_daily_diary=True,
    ),
    SiteDesign(
        2,
        "phase3",
        "Sample Medical Center of New York",
        "New York",
        "USA",
        "America/New_York",
        "en",
        "black_or_african_american",
        30,
        (118, -2),
        us_units=True,
    ),
    SiteDesign(
        3,
        "phase3",
        "Example People's Hospital of Shanghai",
        "Shanghai",
        "CHN",
        "Asia/Shanghai",
        "zh-hans",
        "asian",
        32,
        (112, -4),
    ),
    SiteDesign(
        4,
        "phase3",
        "Sample Teaching Hospital of Kathmandu",
        "Kathmandu",
        "NPL",
        "Asia/Kathmandu",
        "en",
        "asian",
        22,
        (96, 6),
    ),
    SiteDesign(
        5,
        "phase3",
        "Example General Hospital of London",
        "London",
        "GBR",
        "Europe/London",
        "en",
        "white",
        28,
        (100, 4),
        has_daily_diary=True,
    ),
    SiteDesign(
        6,
        "phase2",
        "Example Cancer Institute of São Paulo",
        "São Paulo",
        "BRA",
        "America/Sao_Paulo",
        "pt",
        "white",
        26,
        (105, 5),
    ),
    SiteDesign(
        7,
        "phase2",
        "Sample Cancer Hospital of Tokyo",
        "Tokyo",
        "JPN",
        "Asia/Tokyo",
        "ja",
        "asian",
        24,
        (95, -2),
    ),
    SiteDesign(
        8,
        "phase4",
        "Example Island Clinic of Lord Howe",
        "Lord Howe Island",
        "AUS",
        "Australia/Lord_Howe",
        "en",
        "white",
        38,
        (110, 4),
    ),
)

# name of item -> (lowest, highest, whether high is bad, label)
DIARY_SCALES = {
    "pain": (0, 10, True, "Worst pain in the last 24 hours (0 none, 10 worst)"),
    "nausea": (0, 10, True, "Worst nausea in the last 24 hours (0 none, 10 worst)"),
    "fatigue": (0, 10, True, "Worst fatigue in the last 24 hours (0 none, 10 worst)"),
    "sleep": (0, 10, False, "Quality of sleep last night (0 very poor, 10 very good)"),
    "mood": (0, 10, False, "Mood today (0 very low, 10 very good)"),
}
SAFETY_ITEM = "self_harm"
DIARY_ITEMS = (*DIARY_SCALES, SAFETY_ITEM, "note")
DIARY_OPENS, DIARY_CLOSES = "17:00", "23:00"


def diary_definition() -> dict[str, Any]:
    """Return the definition of `daily-diary` 1.0, as the portal ships it."""
    definition: dict[str, Any] = shipped("daily-diary", "1.0")["definition"]
    return definition
