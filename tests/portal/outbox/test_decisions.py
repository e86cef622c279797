"""What people decide about deliveries: with a reason, audited, and only where it is possible."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT
from portal.ops import health
from portal.ops.metrics import OutboxCollector
from portal.outbox import decisions
from portal.outbox.drain import drain_outbox
from portal.outbox.kinds import Lane
from portal.outbox.models import OutboxDelivery
from portal.outbox.purge import purge
from portal.outbox.registry import handles_many
from portal.outbox.standing import relay_state, standing
from tests.portal.outbox.kit import KIND, only, rows, send, states

pytestmark = pytest.mark.django_db


def do_nothing(messages: object) -> None:
    """Succeed."""


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    with only(lambda: handles_many(KIND)(do_nothing)):  # type: ignore[func-returns-value]
        yield


@pytest.fixture
def somebody() -> User:
    return User.objects.get(pk=SYSTEM_ACCOUNT)


@pytest.fixture
def dead() -> OutboxDelivery:
    send()
    OutboxDelivery.objects.update(
        state="dead", attempts=8, finished_at=clock.now(), last_error="ValueError at x.py:1"
    )
    return rows()[0]


def test_dead_delivery_is_retried_and_the_trail_says_who_and_why(
    dead: OutboxDelivery, somebody: User
) -> None:
    decisions.retry(dead.pk, by=somebody, at=clock.now(), reason="fixed in 1.2")
    assert drain_outbox() == 1
    assert states() == ["done"]

    entry = AuditEntry.objects.get(action="delivery_retried")
    assert entry.acted_by == somebody.pk
    assert entry.detail["delivery"] == dead.pk
    assert entry.detail["reason"] == "fixed in 1.2"


def test_dead_delivery_is_skipped_for_ever(dead: OutboxDelivery, somebody: User) -> None:
    decisions.skip(dead.pk, by=somebody, at=clock.now(), reason="entered by hand")
    assert states() == ["skipped"]
    with pytest.raises(decisions.DecisionNotPossible):
        decisions.retry(dead.pk, by=somebody, at=clock.now(), reason="after all")


def test_decision_without_a_reason_changes_nothing(dead: OutboxDelivery, somebody: User) -> None:
    with pytest.raises(decisions.ReasonMissing):
        decisions.skip(dead.pk, by=somebody, at=clock.now(), reason=" ")
    assert states() == ["dead"]
    assert not AuditEntry.objects.filter(resource="outbox_delivery").exists()


def test_what_is_done_is_not_decided_about(somebody: User) -> None:
    send()
    drain_outbox()
    with pytest.raises(decisions.DecisionNotPossible):
        decisions.bury(rows()[0].pk, by=somebody, at=clock.now(), reason="no")


def test_command_requeues_with_a_reason_and_drains(dead: OutboxDelivery, somebody: User) -> None:
    out = StringIO()
    by = ["--by", somebody.username]
    call_command("outbox", "requeue", str(dead.pk), "--reason", "fixed", *by, stdout=out)
    call_command("outbox", "list", "--state", "pending", stdout=out)
    call_command("outbox", "show", str(dead.pk), stdout=out)
    call_command("outbox", "drain", stdout=out)
    assert f"{dead.pk} pending" in out.getvalue()
    assert "1 run" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("outbox", "bury", str(dead.pk), "--reason", "no", *by)
    with pytest.raises(CommandError):
        call_command("outbox", "skip", "999999", "--reason", "no", "--by", "nobody at all")


def test_standing_tells_depth_age_dead_and_silence(dead: OutboxDelivery) -> None:
    send(lane=Lane.SAFETY)
    found = standing()
    assert [(one.lane, one.depth) for one in found.lanes] == [(Lane.SAFETY, 1), (Lane.ORDINARY, 0)]
    assert found.lanes[0].oldest_seconds > 0
    assert found.dead == 1
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in OutboxCollector().collect()
        for sample in metric.samples
    }
    assert values["portal_outbox_waiting", "safety"] == 1
    assert values["portal_outbox_dead",] == 1


@pytest.mark.req("F14")
def test_relay_that_fell_silent_is_told_by_readyz() -> None:
    assert relay_state() == "never seen"
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO outbox_relayheartbeat (id, mode) VALUES (1, 'broker')")
        assert relay_state() == "ok"
        cursor.execute("UPDATE outbox_relayheartbeat SET seen_at = seen_at - interval '2 min'")
    health.forget()
    assert health.readiness().details["relay"] == "silent"
    health.forget()


def test_purge_forgets_what_was_done_long_ago_and_keeps_what_died() -> None:
    for _ in range(6):
        send()
    drain_outbox()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_outboxdelivery SET created_at = created_at - interval '20 days', "
            "finished_at = finished_at - interval '20 days'"
        )
    OutboxDelivery.objects.filter(pk=rows()[0].pk).update(state="dead")
    send()
    drain_outbox()

    assert purge(days=14, window=2) == 5
    assert states() == ["dead", "done"]
