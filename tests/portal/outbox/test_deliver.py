"""Deliveries: counted before they run, done with their effects, never lost and never twice."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from portal.core.history import Source, circumstances
from portal.core.transactions import NoTransaction
from portal.outbox import leases
from portal.outbox.deliver import run, run_chunk
from portal.outbox.drain import drain_outbox, sweep
from portal.outbox.kinds import Kind, Lane
from portal.outbox.message import Message
from portal.outbox.models import OutboxDelivery
from portal.outbox.publish import NotAPayload, publish
from portal.outbox.registry import HANDLERS, handles, handles_many
from tests.portal.outbox.kit import KIND, Ledger, let_time_pass, only, rows, send, states

pytestmark = pytest.mark.django_db

LEDGER = Ledger()


def take_many(messages: Sequence[Message]) -> None:
    """Note the chunk; a message that asks for it is poison, others have a lasting effect."""
    LEDGER.note(messages)
    if any(message.payload.get("poison") for message in messages):
        raise ValueError("secret value of a patient")


def take_one(message: Message) -> None:
    """The same, one by one."""
    take_many([message])


def many() -> None:
    handles_many(KIND)(take_many)


def one() -> None:
    handles(KIND)(take_one)


@pytest.fixture(autouse=True)
def ledger() -> Iterator[Ledger]:
    LEDGER.calls.clear()
    yield LEDGER


@pytest.fixture
def chunked() -> Iterator[None]:
    with only(many):
        yield


@pytest.fixture
def ordered() -> Iterator[None]:
    with only(one):
        yield


def test_publishing_outside_a_transaction_is_refused(chunked: None) -> None:
    with pytest.raises(NoTransaction):
        publish(KIND, resource="thing", record_id=uuid4(), ordering_key=uuid4())


@pytest.mark.parametrize("value", [{"name": "Ann"}, 1.5, None, "x" * 101])
def test_payload_holds_ids_codes_and_small_numbers_only(chunked: None, value: object) -> None:
    with pytest.raises(NotAPayload), transaction.atomic():
        publish(
            KIND,
            resource="thing",
            record_id=uuid4(),
            ordering_key=uuid4(),
            payload={"a": value},  # type: ignore[dict-item]
        )


def test_message_of_a_change_that_is_rolled_back_is_gone_with_it(chunked: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        publish(KIND, resource="thing", record_id=uuid4(), ordering_key=uuid4())
        raise IntegrityError
    assert rows() == []


def test_kind_that_nothing_handles_writes_nothing(ledger: Ledger) -> None:
    with only():
        send()
    assert rows() == []


def test_each_handler_has_its_own_delivery_of_one_message(ledger: Ledger) -> None:
    with only(one, many):
        send()
    assert sorted(row.handler.rpartition(".")[2] for row in rows()) == ["take_many", "take_one"]
    assert len({row.message_id for row in rows()}) == 1
    assert {row.handler.rpartition(".")[2]: row.is_ordered for row in rows()} == {
        "take_one": True,
        "take_many": False,
    }


def test_chunk_is_run_together_and_done(chunked: None, ledger: Ledger) -> None:
    sent = [send() for _ in range(5)]

    assert drain_outbox() == 5
    assert ledger.calls == [sent]
    assert states() == ["done"] * 5
    assert drain_outbox() == 0


def test_limit_of_a_drain_is_kept(chunked: None) -> None:
    for _ in range(5):
        send()
    assert drain_outbox(limit=2) == 2
    assert states() == ["done", "done", "pending", "pending", "pending"]


def test_handler_acts_as_a_task_named_after_its_deliveries(ledger: Ledger) -> None:
    seen = []

    def look(messages: Sequence[Message]) -> None:
        seen.append(circumstances.get())

    look.__qualname__ = "look"
    with only(lambda: handles_many(KIND)(look)):  # type: ignore[func-returns-value]
        send()
        drain_outbox()
    assert seen[0].source == Source.TASK
    assert seen[0].request_id == f"delivery-{rows()[0].pk}"


@pytest.mark.req("F50")
def test_safety_goes_before_what_waited_longer(chunked: None, ledger: Ledger) -> None:
    ordinary = [send() for _ in range(3)]
    safety = send(lane=Lane.SAFETY)

    drain_outbox()
    assert ledger.calls == [[safety], ordinary]


@pytest.mark.req("F48")
def test_poison_fails_alone_and_its_neighbors_are_done(chunked: None, ledger: Ledger) -> None:
    for number in range(10):
        send(**({"poison": 1} if number == 4 else {}))

    drain_outbox()
    assert states() == ["done"] * 4 + ["pending"] + ["done"] * 5
    poison = rows()[4]
    assert poison.attempts == 1
    assert poison.due_at > poison.created_at
    assert poison.leased_until is None
    assert "ValueError at" in poison.last_error
    assert "secret" not in poison.last_error


@pytest.mark.req("F48")
def test_poison_is_dead_after_eight_tries_ever_further_apart(chunked: None) -> None:
    send(poison=1)
    waits = []
    for _ in range(leases.MOST_ATTEMPTS):
        assert drain_outbox() == 1
        row = rows()[0]
        waits.append(row.due_at - row.created_at)
        let_time_pass()
    assert row.state == "dead"
    assert row.attempts == leases.MOST_ATTEMPTS
    assert row.finished_at is not None
    assert drain_outbox() == 0


def test_wait_doubles_with_jitter_and_ends_at_an_hour(chunked: None) -> None:
    send(poison=1)
    drain_outbox()
    for attempts, least, most in ((1, 2.5, 5), (4, 20, 40), (7, 160, 320), (30, 1800, 3600)):
        OutboxDelivery.objects.update(attempts=attempts, leased_until=rows()[0].created_at)
        row = rows()[0]
        started = leases.Started(row.pk, row.handler, row.kind, 1, None, attempts, row.created_at)
        before = leases.MOST_ATTEMPTS
        leases.MOST_ATTEMPTS = 100
        try:
            leases.failed([started], "again")
        finally:
            leases.MOST_ATTEMPTS = before
        with_now = OutboxDelivery.objects.extra(
            select={"wait": "extract(epoch from due_at - clock_timestamp())"}
        ).values_list("wait", flat=True)[0]
        assert least - 30 < float(with_now) <= most


def test_order_of_a_key_is_kept_and_a_failure_holds_up_only_its_key(
    ordered: None, ledger: Ledger
) -> None:
    ann, ben = uuid4(), uuid4()
    first = send(key=ann, poison=1)
    later = send(key=ann)
    other = [send(key=ben), send(key=ben)]

    drain_outbox()
    assert ledger.calls == [[first], [other[0]], [other[1]]]
    assert states() == ["pending", "pending", "done", "done"]

    OutboxDelivery.objects.filter(record_id=first).update(payload={})
    let_time_pass()
    drain_outbox()
    assert ledger.calls[-2:] == [[first], [later]]


def test_dead_delivery_parks_its_key(ordered: None, ledger: Ledger) -> None:
    ann = uuid4()
    send(key=ann)
    later = send(key=ann)
    first = rows()[0]
    OutboxDelivery.objects.filter(pk=first.pk).update(state="dead", finished_at=first.created_at)
    assert drain_outbox() == 0

    OutboxDelivery.objects.filter(pk=first.pk).update(state="skipped")
    drain_outbox()
    assert ledger.calls == [[later]]


@pytest.mark.req("F51")
def test_message_delivered_a_hundred_times_has_one_effect(chunked: None, ledger: Ledger) -> None:
    send()
    [chunk] = leases.lease(Lane.ORDINARY, 100)
    assert [run_chunk(chunk) for _ in range(100)] == [1] + [0] * 99
    assert len(ledger.calls) == 1
    assert rows()[0].attempts == 1


@pytest.mark.req("F5")
def test_lease_of_a_relay_that_died_ends_and_the_work_is_done_once(
    chunked: None, ledger: Ledger
) -> None:
    send()
    [lost] = leases.lease(Lane.ORDINARY, 100)
    assert drain_outbox() == 0
    let_time_pass()

    [found] = leases.lease(Lane.ORDINARY, 100)
    assert found.was_lost
    assert run_chunk(found) == 1
    assert run_chunk(lost) == 0
    assert len(ledger.calls) == 1


@pytest.mark.req("F49")
def test_row_that_kills_its_process_is_dead_after_three_starts_and_its_neighbors_live(
    chunked: None, ledger: Ledger
) -> None:
    for _ in range(5):
        send()
    poison = rows()[2].pk

    starts = 0
    for _ in range(10):
        let_time_pass()
        for chunk in leases.lease(Lane.ORDINARY, 100):
            if poison in chunk.ids:
                # What a kill leaves: the attempt is counted, and nothing else happened.
                starts += len(leases.start(chunk.ids, chunk.token)) > 0
            else:
                run_chunk(chunk)
    assert starts == leases.MOST_UNENDED
    assert states() == ["done", "done", "dead", "done", "done"]
    assert leases.DIED in rows()[2].last_error


@pytest.mark.req("F53")
@pytest.mark.parametrize(
    "strange",
    [{"handler": "nobody.knows"}, {"kind": "not.yet"}, {"version": 9}],
    ids=["handler", "kind", "version"],
)
def test_what_nobody_here_can_read_is_quarantined_and_never_done(
    chunked: None, ledger: Ledger, strange: dict[str, object]
) -> None:
    send()
    send()
    OutboxDelivery.objects.filter(pk=rows()[0].pk).update(**strange)

    drain_outbox()
    assert states() == ["pending", "done"]
    for _ in range(leases.MOST_ATTEMPTS - 1):
        let_time_pass()
        drain_outbox()
    assert states() == ["dead", "done"]
    assert rows()[0].last_error.startswith("quarantine")
    assert len(ledger.calls) == 1


@pytest.mark.req("F27")
@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.parametrize(("times", "ended", "attempts"), [(2, "done", 1), (99, "pending", 1)])
def test_chunk_that_a_deadlock_undid_is_run_again_three_times_at_most(
    ledger: Ledger, state: str, times: int, ended: str, attempts: int
) -> None:
    tries = []

    def undone(messages: Sequence[Message]) -> None:
        tries.append(len(messages))
        if len(tries) <= times:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        LEDGER.note(messages)

    undone.__qualname__ = "undone"
    with only(lambda: handles_many(KIND)(undone)):  # type: ignore[func-returns-value]
        sent = send()
        drain_outbox()

    assert len(tries) == 3
    assert ledger.calls == ([[sent]] if ended == "done" else [])
    assert [(row.state, row.attempts) for row in rows()] == [(ended, attempts)]


@pytest.mark.req("F48")
def test_one_poison_in_a_thousand_holds_up_nobody(chunked: None, ledger: Ledger) -> None:
    with transaction.atomic():
        for number in range(1000):
            publish(
                KIND, resource="thing", record_id=uuid4(), ordering_key=uuid4(),
                payload={"poison": 1} if number == 333 else {},
            )  # fmt: skip
    drain_outbox()
    assert OutboxDelivery.objects.filter(state="done").count() == 999
    assert len(ledger.calls) < 10 + leases.CHUNK + 2  # its own chunk alone was run one by one


@pytest.mark.req("F46")
def test_worker_that_lost_its_lease_has_no_effect(chunked: None, ledger: Ledger) -> None:
    send()
    [slow] = leases.lease(Lane.ORDINARY, 100)
    let_time_pass()
    [quick] = leases.lease(Lane.ORDINARY, 100)

    assert run(slow.ids, slow.token) == 0
    assert run(quick.ids, quick.token) == 1
    assert len(ledger.calls) == 1


def test_sweep_leaves_to_the_relay_what_is_just_due(chunked: None) -> None:
    send()
    assert sweep(overdue_seconds=20, budget_seconds=10) == 0
    let_time_pass(30)
    assert sweep(overdue_seconds=20, budget_seconds=10) == 1
    assert states() == ["done"]


def test_every_kind_and_handler_fits() -> None:
    assert all(handler.kinds <= set(Kind) for handler in HANDLERS.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("F35")
def test_message_that_commits_after_a_later_one_is_not_passed_over(
    chunked: None, ledger: Ledger
) -> None:
    """Ids are given before the commit: what is due is found by its state, never by a cursor."""
    begun, go_on = threading.Event(), threading.Event()
    late: list[Any] = []

    def write_late() -> None:
        with transaction.atomic():
            late.append(send())
            begun.set()
            assert go_on.wait(60)
        connection.close()

    writer = threading.Thread(target=write_late)
    writer.start()
    assert begun.wait(60)
    early = send()
    drain_outbox()
    assert ledger.calls == [[early]]

    go_on.set()
    writer.join(60)
    drain_outbox()
    assert ledger.calls == [[early], late]
    ids = {row.record_id: row.pk for row in rows()}
    assert ids[late[0]] < ids[early]
