"""CDISC controlled terms to the portal's codes. A blank is unknown; a foreign term is reported.

Source: CDISC SDTM Controlled Terminology 2015-12-18 (NY, AESEV, OUT, ACN, POSITION, VSTESTCD, SEX,
AGEU, NCOMPLT, EPOCH); AEREL has no CDISC codelist.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from patients.rules.vital_table import VITAL_CODES

VITAL_SIGNS: Mapping[str, str] = {
    measure.cdisc_test: code for code, measure in VITAL_CODES.items() if measure.cdisc_test
}
POSITIONS: Mapping[str, str] = {
    "SUPINE": "supine",
    "SITTING": "sitting",
    "STANDING": "standing",
    "SEMI-RECUMBENT": "semi_recumbent",
    "SEMI-FOWLERS": "semi_recumbent",
    "LEFT LATERAL DECUBITUS": "left_lateral",
}
YES_NO: Mapping[str, str] = {"Y": "yes", "N": "no", "U": "unknown"}
SEVERITIES: Mapping[str, str] = {"MILD": "mild", "MODERATE": "moderate", "SEVERE": "severe"}
OUTCOMES: Mapping[str, str] = {
    "FATAL": "fatal",
    "NOT RECOVERED/NOT RESOLVED": "not_recovered",
    "RECOVERED/RESOLVED": "recovered",
    "RECOVERED/RESOLVED WITH SEQUELAE": "with_sequelae",
    "RECOVERING/RESOLVING": "recovering",
    "UNKNOWN": "unknown",
}
ACTIONS: Mapping[str, str] = {
    "DOSE INCREASED": "dose_increased",
    "DOSE NOT CHANGED": "dose_not_changed",
    "DOSE REDUCED": "dose_reduced",
    "DRUG INTERRUPTED": "interrupted",
    "DRUG WITHDRAWN": "withdrawn",
    "NOT APPLICABLE": "not_applicable",
    "UNKNOWN": "unknown",
    "NOT EVALUABLE": "unknown",
}
# The scale in use when the pilot was run, and the ones that sponsors use today.
CAUSALITIES: Mapping[str, str] = {
    "NONE": "none",
    "NOT RELATED": "not_related",
    "UNRELATED": "not_related",
    "UNLIKELY": "unlikely",
    "UNLIKELY RELATED": "unlikely",
    "REMOTE": "remote",
    "POSSIBLE": "possible",
    "POSSIBLY RELATED": "possible",
    "PROBABLE": "probable",
    "PROBABLY RELATED": "probable",
    "RELATED": "related",
    "DEFINITE": "definite",
    "N": "not_related",
    "Y": "related",
}
# ICH E2A knows "reasonable possibility"; a remote relation has none.
IS_RELATED: Mapping[str, bool] = {
    "none": False,
    "not_related": False,
    "unlikely": False,
    "remote": False,
    "possible": True,
    "probable": True,
    "related": True,
    "definite": True,
}
SEXES: Mapping[str, str] = {
    "F": "F",
    "M": "M",
    "U": "U",
    "UNDIFFERENTIATED": "UNDIFFERENTIATED",
    "INTERSEX": "UNDIFFERENTIATED",
}
AGE_UNITS: Mapping[str, str] = {
    "YEARS": "years",
    "MONTHS": "months",
    "WEEKS": "weeks",
    "DAYS": "days",
    "HOURS": "hours",
}
SERIOUSNESS: Mapping[str, str] = {
    "AESDTH": "death",
    "AESLIFE": "life_threatening",
    "AESHOSP": "hospitalization",
    "AESDISAB": "disability",
    "AESCONG": "congenital_anomaly",
    "AESMIE": "other_medically_important",
}
# SDTM also lists cancer and overdose; a yes to them is medically important (ICH E2A), while a no
# says nothing about other reasons.
ALSO_IMPORTANT = ("AESCAN", "AESOD")
# Where a standardized disposition term leaves the subject in the study (DSCAT DISPOSITION EVENT).
PARTICIPATION_AFTER: Mapping[str, str] = {
    "COMPLETED": "completed",
    "SCREEN FAILURE": "screen_failed",
    "LOST TO FOLLOW-UP": "lost_to_follow_up",
}
ENDED_OTHERWISE = "discontinued"
# Arm codes that say that there is no arm (SDTMIG: SCRNFAIL, NOTASSGN, NOTTRT).
NO_ARM = frozenset({"SCRNFAIL", "NOTASSGN", "NOTTRT", "UNPLAN"})
NOT_DONE = "NOT DONE"


@dataclass(frozen=True, slots=True)
class Coded:
    """A code, and whether the term that it came from is in the codelist (a blank is)."""

    code: str
    is_listed: bool


def coded(terms: Mapping[str, str], given: str, *, blank: str = "") -> Coded:
    """Return the code for a term; `blank` when there is none, or none that the codelist knows."""
    term = given.strip().upper()
    if not term:
        return Coded(blank, is_listed=True)
    return Coded(terms.get(term, blank), is_listed=term in terms)


def seriousness_criteria(row: Mapping[str, object]) -> dict[str, str]:
    """Return each of the six criteria as yes, no or unknown. Source: ICH E2A, SDTMIG AE."""
    answers = {
        criterion: coded(YES_NO, str(row.get(variable) or ""), blank="unknown").code
        for variable, criterion in SERIOUSNESS.items()
    }
    if any(row.get(variable) == "Y" for variable in ALSO_IMPORTANT):
        answers["other_medically_important"] = "yes"
    return answers


def criteria_given(row: Mapping[str, object]) -> tuple[str, ...]:
    """Return the seriousness variables that say yes, in SDTM's order."""
    return tuple(v for v in (*SERIOUSNESS, *ALSO_IMPORTANT) if row.get(v) == "Y")


def is_no_arm(arm_code: str) -> bool:
    """Whether an arm code says that the subject has no arm."""
    return arm_code.strip().upper() in NO_ARM


def participation_after(disposition: str) -> str:
    """Return the participation that a standardized disposition term leads to."""
    return PARTICIPATION_AFTER.get(disposition.strip().upper(), ENDED_OTHERWISE)
