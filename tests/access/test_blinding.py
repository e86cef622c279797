"""Nothing that a blinded person is answered depends on allocation (security.md 9)."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from patients.models import ProtectedFinding
from portal.access.unblinded import unblinded
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.declared import BOARD, PHARMACIST, READS_PROTECTED_FINDINGS, ROWS
from tests.access.walker import Reader, readers
from tests.access.world import World

UNBLINDED = BOARD | PHARMACIST | READS_PROTECTED_FINDINGS


@pytest.fixture(scope="module")
def people(world: World) -> list[Reader]:
    return readers(world)


def _everything(world: World, people: list[Reader]) -> dict[tuple[str, str], Any]:
    """Return every answer to every blinded person: status, headers and bytes."""
    answers = {}
    for reader in people:
        if reader.role in UNBLINDED:
            continue
        headers = reader.headers()
        for (name, method), row in ROWS.items():
            if method == "GET" and (row.of or row.below):
                record = [getattr(world, row.below)[0].pk] if row.below else []
                answer = Client().get(reverse(name, args=record), headers=headers)
                told = {key: value for key, value in answer.items() if key != "X-Request-Id"}
                answers[reader.role, name] = (answer.status_code, told, answer.content)
    return answers


@pytest.mark.req("EMA-05")
def test_no_answer_to_the_blinded_changes_with_the_arm(world: World, people: list[Reader]) -> None:
    before = _everything(world, people)
    with acting(by=SYSTEM_ACCOUNT, reason="swap"), unblinded():
        ProtectedFinding.objects.update(message="Planned ARM-ZQX8, actual ARM-ZQX7.")
        ProtectedFinding.objects.filter(pk=world.protected_findings[0].pk).update(severity="info")
    after = _everything(world, people)
    assert len(before) > 200
    assert before == after
    assert not [key for key, answer in after.items() if b"ZQX" in answer[2]]


def test_the_unblinded_read_the_findings_that_would_unblind(
    world: World, people: list[Reader]
) -> None:
    monitor = next(reader for reader in people if reader.role == "unblinded_monitor")
    answer = Client().get("/api/v1/findings/?limit=500", headers=monitor.headers())
    assert {row["rule"] for row in answer.json()["results"]} == {"VS-01", "DM-09"}
