"""Every kind of tampering at random positions is found and named; an untouched trail never is."""

from pathlib import Path
from random import Random

import pytest
from django.db import connection, transaction

from portal.audit.verification import Report, verify
from portal.audit.witness import read_anchor
from portal.core import clock
from tests import soaks
from tests.portal.audit.conftest import Trail
from tests.portal.audit.tampers import TAMPERS, Deed, Intruder

SUITE_POSITIONS = 2
SOAK_POSITIONS = 20


class Undone(Exception):
    """Take everything back."""


def tamper_and_verify(
    trail: Trail, kind: str, position: int, scratch: Path
) -> tuple[Deed, Report, Report]:
    """Tamper in a transaction that is rolled back; verify with and without the anchor.

    Verification runs with the application's rights, as it does in life.
    """
    intruder = Intruder(trail.anchor, scratch, Random(f"{kind} {position}"))
    found: list[Report] = []
    try:
        with transaction.atomic():
            TAMPERS[kind](intruder)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL ROLE portal_app")
            deed = intruder.deed
            found.append(verify(now=clock.now(), anchor=read_anchor(deed.anchor)))
            if deed.needs_anchor:
                found.append(verify(now=clock.now()))
            raise Undone
    except Undone:
        return deed, found[0], found[-1]


def missed(trail: Trail, kind: str, positions: int, scratch: Path) -> list[str]:
    """Return what verification did not find, or blamed on another row."""
    wrong = []
    for position in range(positions):
        deed, report, without = tamper_and_verify(trail, kind, position, scratch)
        if report.is_clean:
            wrong.append(f"position {position}: nothing found")
        elif deed.row is not None and report.findings[0].row != deed.row:
            wrong.append(f"position {position}: row {deed.row}, found {report.findings[0]}")
        if deed.needs_anchor and not without.is_clean:
            wrong.append(f"position {position}: found without the anchor: {without.findings[0]}")
    return wrong


@pytest.mark.req("P11-03")
@pytest.mark.parametrize("kind", TAMPERS)
def test_tampering_is_found_and_its_row_named(trail: Trail, kind: str, tmp_path: Path) -> None:
    assert missed(trail, kind, SUITE_POSITIONS, tmp_path) == []


def test_untouched_trail_gives_no_alarm(trail: Trail) -> None:
    anchor = read_anchor(trail.anchor)
    for _ in range(SUITE_POSITIONS):
        assert verify(now=clock.now(), anchor=anchor).findings == []


@pytest.mark.soak
def test_every_tampering_at_twenty_positions_is_found(trail: Trail, tmp_path: Path) -> None:
    positions = soaks.trials(SOAK_POSITIONS)
    wrong = {kind: missed(trail, kind, positions, tmp_path) for kind in TAMPERS}
    trials = positions * len(TAMPERS)
    failed = sum(map(len, wrong.values()))
    soaks.tell(f"{trials - failed} of {trials} tampers found ({len(TAMPERS)} kinds)")
    assert {kind: list_ for kind, list_ in wrong.items() if list_} == {}


@pytest.mark.soak
def test_as_many_untouched_trails_give_no_alarm(trail: Trail) -> None:
    anchor = read_anchor(trail.anchor)
    trials = soaks.trials(SOAK_POSITIONS * len(TAMPERS))
    alarms = sum(not verify(now=clock.now(), anchor=anchor).is_clean for _ in range(trials))
    soaks.tell(f"{alarms} alarms in {trials} verifications of an untouched trail")
    assert alarms == 0
