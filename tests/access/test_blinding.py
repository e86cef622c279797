"""Nothing that a blinded person is told depends on allocation (security.md 9).

The same world twice, but for the arm of each patient: what each blinded person gets from every
surface must be equal byte for byte.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from events.models import AdverseEvent
from patients.models import Patient
from portal.access.roles import ROLES
from tests import soaks
from tests.access import leaks, surfaces
from tests.access.arms import CANARY, allocated, set_up
from tests.access.declared import BOARD, PHARMACIST, READS_PROTECTED_FINDINGS
from tests.access.surfaces import COMMANDS, OPERATORS, SURFACES, Blinded, Logs
from tests.access.walker import Reader, readers
from tests.access.world import World

UNBLINDED = BOARD | PHARMACIST | READS_PROTECTED_FINDINGS
# Who reads most of what the blinded may read; the soak asks everybody.
WIDEST = frozenset({"inspector"})
OTHERS = frozenset({"doctor", "safety_officer", "sponsor_admin", "patient"})
Answers = dict[tuple[str, str, str], Any]


@pytest.fixture(scope="module")
def people(world: World) -> list[Reader]:
    set_up(world)
    return readers(world)


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
                for name, answer in _read(kind, who, arm):
                    found[who.reader.role, kind, name] = answer
    found["the process", "logs", "lines"] = logs.lines()
    return found


def _read(kind: str, who: Blinded, arm: int) -> Iterator[tuple[str, Any]]:
    yield from (surfaces.imports(arm) if kind == "import" else SURFACES[kind])(who)


def differences(whom: list[Blinded], kinds: Iterable[str]) -> list[str]:
    """Return what differs between two arms, or names one."""
    kinds = list(kinds)
    first, second = collect(whom, kinds, 0), collect(whom, kinds, 1)
    unequal = [f"differs: {key}" for key in first | second if first.get(key) != second.get(key)]
    named = [f"names an arm: {key}" for key in first if CANARY in repr(first[key])]
    broken = [f"breaks: {key}" for key, answer in first.items() if _status(answer) >= 500]
    return unequal + named + broken


def _status(answer: Any) -> int:
    return int(answer[0]) if isinstance(answer, tuple) else 0


@pytest.mark.req("EMA-05")
def test_no_answer_of_the_api_to_the_blinded_changes_with_the_arm(blinded: list[Blinded]) -> None:
    some = [who for who in blinded if who.reader.role in WIDEST | OTHERS]
    assert differences(some, ["api"]) == []


@pytest.mark.req("EMA-05")
def test_no_other_surface_changes_with_the_arm(blinded: list[Blinded]) -> None:
    widest = [who for who in blinded if who.reader.role in WIDEST]
    assert differences(widest, [*SURFACES.keys() - {"api"}, "import"]) == []


@pytest.mark.soak
def test_no_surface_changes_with_the_arm_for_anybody(world: World, people: list[Reader]) -> None:
    asked = [reader for reader in people if reader.role not in UNBLINDED]
    asked = asked[: soaks.trials(len(asked))]
    everybody = [Blinded(world, reader, depth=2) for reader in asked]
    wrong = differences(everybody, [*SURFACES, "import"])
    soaks.tell(f"{len(wrong)} differences between two arms over {len(asked)} blinded roles")
    assert wrong == []


def test_every_surface_is_claimed() -> None:
    assert surfaces.unclaimed_addresses() == []
    assert surfaces.unclaimed_mounts() == []
    assert surfaces.our_commands().keys() == COMMANDS.keys() | OPERATORS.keys()


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
    widest = [who for who in blinded if who.reader.role in WIDEST]
    few = [replace(who, models=frozenset({Patient, AdverseEvent})) for who in widest]
    found = differences(few, [kind])
    assert found
    assert not [line for line in found if line.startswith("breaks")]


def test_the_unblinded_read_the_findings_that_would_unblind(
    world: World, people: list[Reader]
) -> None:
    monitor = next(reader for reader in people if reader.role == "unblinded_monitor")
    answer = Client().get("/api/v1/findings/?limit=500", headers=monitor.headers())
    assert {row["rule"] for row in answer.json()["results"]} == {"VS-01", "DM-09"}
