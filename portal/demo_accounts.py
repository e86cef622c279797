"""The people of the demo: who signs in as what, and where they may look.

Read by the demo's generator and by the supervisor's READY block; so nothing is imported here.
"""

from typing import NamedTuple


class DemoAccount(NamedTuple):
    """Accounts of one line of the table: user names, their role code, their scope in words."""

    usernames: tuple[str, ...]
    role: str
    scope: str


DEMO_PASSWORD = "portal-demo"  # noqa: S105 - public on purpose
# What the demo command exits with where trials of somebody's own are there: no place for a demo.
HOLDS_OTHER_TRIALS = 3
DEMO_PATIENTS = tuple(f"patient{number}" for number in range(1, 21))
DEMO_ACCOUNTS: tuple[DemoAccount, ...] = (
    DemoAccount(("admin",), "system_admin", "–"),
    DemoAccount(("sponsor",), "sponsor_admin", "sponsor 1"),
    DemoAccount(("doctor",), "principal_investigator", "site 1"),
    DemoAccount(("doctor2",), "doctor", "site 5"),
    DemoAccount(("coordinator",), "study_coordinator", "site 1"),
    DemoAccount(("cra",), "cra", "sites 1–4, deputy of cra2"),
    DemoAccount(("cra2",), "cra", "sites 5–8, deputy of cra"),
    DemoAccount(("manager",), "trial_manager", "every trial, imported ones too"),
    DemoAccount(("inspector",), "inspector", "every trial, imported ones too"),
    DemoAccount(("datamanager",), "data_manager", "sponsor 1"),
    DemoAccount(("safety",), "safety_officer", "sponsor 1"),
    DemoAccount(("medical",), "medical_monitor", "sponsor 1"),
    DemoAccount(("statistician",), "unblinded_statistician", "phase III trial"),
    DemoAccount(("pharmacist",), "unblinded_pharmacist", "site 1"),
    DemoAccount(DEMO_PATIENTS, "patient", "first subjects of site 1, phase III"),
)
