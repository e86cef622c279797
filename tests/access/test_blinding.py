"""Nothing that a blinded person is told depends on allocation (security.md 9).

The same world twice, but for the arm of each patient: what each blinded person gets from every
surface must be equal byte for byte.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from events.models import AdverseEvent
from patients.models import Patient
from portal.access.roles import ROLES
from portal.documents.kinds import kinds as document_kinds
from tests import soaks
from tests.access import channels, leaks, surfaces
from tests.access.arms import CANARY, allocated, set_up
from tests.access.commands import COMMANDS, OPERATORS, our_commands
from tests.access.declared import BOARD, PHARMACIST, READS_PROTECTED_FINDINGS
from tests.access.records import make_records
from tests.access.surfaces import SURFACES, Logs
from tests.access.told import Blinded
from tests.access.walker import Reader, readers
from tests.access.world import World

UNBLINDED = BOARD | PHARMACIST | READS_PROTECTED_FINDINGS
# Who reads most of what the blinded may read; the soak asks everybody.
WIDEST = frozenset({"inspector"})
OTHERS = frozenset({"doctor", "safety_officer", "sponsor_admin", "system_admin", "patient"})
# What reaches people whom the widest reader is not one of: these are asked as well.
ALSO = {
    "documents": frozenset({"system_admin"}),
    "topics": frozenset({"medical_monitor", "doctor"}),
}
ASKED_OF_LEAKS: Mapping[str, frozenset[str]] = ALSO | {"api": frozenset({"doctor"})}
# Addresses that nobody of these gets an answer from, and why.
UNANSWERED = {"report-file": "documents() makes the file and fetches it"}
# Where a leak of the API is planted, so that it is looked for there alone.
FEW = frozenset({
    "patients", "patient", "patient-vitals-series", "patient-identity", "wall-tiles",
    "patient-observation-set-candidate", "notifications", "notifications-statistics",
})  # fmt: skip
Answers = dict[tuple[str, str, str], Any]


@pytest.fixture(scope="module")
def people(world: World) -> list[Reader]:
    set_up(world)
    made = readers(world)
    make_records(world, {reader.role: reader.person for reader in made})
    return made


@pytest.fixture(scope="module")
def blinded(world: World, people: list[Reader]) -> list[Blinded]:
    return [
        Blinded(world, reader, depth=int(reader.role in WIDEST))
        for reader in people
        if reader.role not in UNBLINDED
    ]


def collect(whom: Iterable[Blinded], kinds: Iterable[str], arm: int) -> Answers:
    """Return everything that the people are told in a world with that arm."""
    found: Answers = {}
    whom = list(whom)
    # Measurements last: by then the run has made every series that it will make.
    in_order = sorted(kinds, key=lambda kind: (kind == "metrics", kind))
    with allocated(whom[0].world, arm), Logs() as logs:
        for who in whom:
            for kind in in_order:
                for name, answer in SURFACES[kind](who):
                    found[who.reader.role, kind, name] = answer
    found["the process", "logs", "lines"] = logs.lines()
    return found


def differences(whom: list[Blinded], kinds: Iterable[str]) -> list[str]:
    """Return what differs between two arms, or names one."""
    kinds = list(kinds)
    return compared(collect(whom, kinds, 0), collect(whom, kinds, 1))


def compared(first: Answers, second: Answers) -> list[str]:
    """Return what differs between what was told, or names an arm."""
    unequal = [f"differs: {key}" for key in first | second if first.get(key) != second.get(key)]
    named = [f"names an arm: {key}" for key in first if CANARY in repr(first[key])]
    broken = [f"breaks: {key}" for key, answer in first.items() if _status(answer) >= 500]
    return unequal + named + broken


def _status(answer: Any) -> int:
    return int(answer[0]) if isinstance(answer, tuple) else 0


@pytest.fixture(scope="module")
def both(blinded: list[Blinded]) -> tuple[Answers, Answers]:
    """What the API answers to some of the blinded, with one arm and with the other."""
    some = [who for who in blinded if who.reader.role in WIDEST | OTHERS]
    return collect(some, ["api"], 0), collect(some, ["api"], 1)


@pytest.mark.req("EMA-05")
def test_no_answer_of_the_api_to_the_blinded_changes_with_the_arm(
    both: tuple[Answers, Answers],
) -> None:
    assert compared(*both) == []


def test_every_address_that_is_read_was_answered_to_somebody(
    both: tuple[Answers, Answers],
) -> None:
    named = [name for (_, kind, name), answer in both[0].items() if _status(answer) == 200]
    assert surfaces.unanswered(named) == set(UNANSWERED)


@pytest.mark.req("EMA-05")
def test_no_other_surface_changes_with_the_arm(blinded: list[Blinded]) -> None:
    widest = [who for who in blinded if who.reader.role in WIDEST]
    assert differences(widest, SURFACES.keys() - {"api"}) == []


@pytest.mark.req("EMA-05")
@pytest.mark.parametrize("kind", ALSO)
def test_no_surface_of_others_changes_with_the_arm(blinded: list[Blinded], kind: str) -> None:
    assert differences([who for who in blinded if who.reader.role in ALSO[kind]], [kind]) == []


@pytest.mark.soak
def test_no_surface_changes_with_the_arm_for_anybody(world: World, people: list[Reader]) -> None:
    asked = [reader for reader in people if reader.role not in UNBLINDED]
    asked = asked[: soaks.trials(len(asked))]
    everybody = [Blinded(world, reader, depth=2) for reader in asked]
    wrong = differences(everybody, SURFACES)
    soaks.tell(f"{len(wrong)} differences between two arms over {len(asked)} blinded roles")
    for who in everybody:  # Nobody was signed out on the way.
        assert Client().get("/api/v1/auth/me/", headers=who.headers).status_code == 200
    assert wrong == []


def test_every_surface_is_claimed() -> None:
    assert surfaces.unclaimed_addresses() == []
    assert surfaces.unclaimed_kinds() == []
    assert surfaces.unclaimed_mounts() == []
    assert {kind.code for kind in document_kinds()} == channels.DOCUMENTS.keys()
    assert our_commands().keys() == COMMANDS.keys() | OPERATORS.keys()


def test_every_role_is_blinded_or_declared_unblinded(blinded: list[Blinded]) -> None:
    assert {who.reader.role for who in blinded} | UNBLINDED == set(ROLES)


@pytest.mark.parametrize(
    ("kind", "leak"), leaks.LEAKS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_planted_leak_is_found(
    blinded: list[Blinded],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    leak: Callable[[pytest.MonkeyPatch], None],
) -> None:
    leak(monkeypatch)
    asked = WIDEST | ASKED_OF_LEAKS.get(kind, frozenset())
    some = [who for who in blinded if who.reader.role in asked]
    few = [replace(who, models=frozenset({Patient, AdverseEvent}), addresses=FEW) for who in some]
    found = differences(few, [kind])
    assert found
    assert not [line for line in found if line.startswith("breaks")]


def test_the_unblinded_read_the_findings_that_would_unblind(
    world: World, people: list[Reader]
) -> None:
    monitor = next(reader for reader in people if reader.role == "unblinded_monitor")
    answer = Client().get("/api/v1/findings/?limit=500", headers=monitor.headers())
    assert {row["rule"] for row in answer.json()["results"]} == {"VS-01", "DM-09"}
