"""Which rows and variables of SDTM would unblind whoever sees them (domain.md 6). Pure.

Allocation, product and dose as given, subject elements, accountability and drug concentrations are
protected. The number of elements alone tells the arm, so those rows are protected whole.
"""

from collections.abc import Mapping
from typing import Any

PROTECTED_DOMAINS = frozenset(
    {"SE", "DA", "PC", "PP", "SUPPSE", "SUPPDA", "SUPPPC", "SUPPPP", "SUPPEX"}
)
PROTECTED_VARIABLES: Mapping[str, frozenset[str]] = {
    "DM": frozenset({"ARMCD", "ARM", "ACTARMCD", "ACTARM", "ARMNRS", "ACTARMUD"}),
    "EX": frozenset(
        {
            "EXTRT",
            "EXDOSE",
            "EXDOSTXT",
            "EXDOSU",
            "EXDOSTOT",
            "EXDOSRGM",
            "EXLOT",
            "EXTRTV",
            "EXVAMT",
            "EXVAMTU",
            "EXPSTRG",
            "EXPSTRGU",
        }
    ),
}
# Qualifiers of DM are free: those that speak of arm, treatment or kit are protected.
_TELLING = ("ARM", "TRT", "KIT")


def split_row(domain: str, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the open and the protected variables of a row; blank variables are left out."""
    filled = {name: value for name, value in row.items() if value is not None and value != ""}
    if is_protected_row(domain, row):
        return {}, filled
    hidden = PROTECTED_VARIABLES.get(domain)
    if not hidden:
        return filled, {}
    protected = {name: value for name, value in filled.items() if name in hidden}
    return {name: value for name, value in filled.items() if name not in hidden}, protected


def is_protected_row(domain: str, row: Mapping[str, Any]) -> bool:
    """Whether the very existence of the row unblinds."""
    if domain in PROTECTED_DOMAINS:
        return True
    if domain == "SUPPDM":
        return any(word in str(row.get("QNAM") or "").upper() for word in _TELLING)
    return domain == "RELREC" and row.get("RDOMAIN") in PROTECTED_DOMAINS


def is_protected_variable(domain: str, variable: str) -> bool:
    """Whether a variable of a domain is protected, by itself or with its whole row."""
    return domain in PROTECTED_DOMAINS or variable in PROTECTED_VARIABLES.get(domain, frozenset())
