"""Two versions of the portal at once: what one writes, the other reads, or leaves for who can.

The matrix of payload versions. There is no released version yet that could run beside this one.
"""

from collections.abc import Iterator, Sequence

import pytest

from portal.outbox import kinds
from portal.outbox.drain import drain_outbox
from portal.outbox.kinds import FIRST_VERSION, Kind, payload_version
from portal.outbox.message import Message
from portal.outbox.registry import handlers_of, handles_many
from tests.portal.outbox.kit import KIND, Ledger, let_time_pass, only, rows, send, states

LEDGER = Ledger()


def react(messages: Sequence[Message]) -> None:
    """Note what was read."""
    LEDGER.note(messages)


@pytest.fixture(autouse=True)
def ledger() -> Iterator[Ledger]:
    LEDGER.calls.clear()
    yield LEDGER


def written_in(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish one message as a portal does that writes this version."""
    monkeypatch.setitem(kinds.PAYLOAD_VERSIONS, KIND, version)
    with only(lambda: handles_many(KIND, versions=(version,))(react)):  # type: ignore[func-returns-value]
        send()


def run_by(versions: Sequence[int]) -> None:
    """Drain as a portal does that reads these versions."""
    with only(lambda: handles_many(KIND, versions=versions)(react)):  # type: ignore[func-returns-value]
        drain_outbox()


@pytest.mark.django_db
@pytest.mark.req("F30")
@pytest.mark.parametrize("written", [1, 2, 3])
@pytest.mark.parametrize("read", [(1,), (1, 2), (2, 3), (3,)], ids=str)
def test_a_consumer_runs_what_it_reads_and_leaves_the_rest_for_one_that_does(
    written: int, read: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    written_in(written, monkeypatch)

    run_by(read)

    knows = written in read
    assert states() == ["done" if knows else "pending"]
    assert len(ledger.calls) == int(knows)
    assert rows()[0].last_error == ("" if knows else f"quarantine: no {KIND} version {written}")

    # The other version comes up beside it.
    let_time_pass()
    run_by((written,))

    assert states() == ["done"]
    assert len(ledger.calls) == 1


@pytest.mark.req("F30")
@pytest.mark.parametrize("kind", list(Kind))
def test_every_handler_reads_the_version_written_now_and_the_one_before(kind: Kind) -> None:
    current = payload_version(kind)
    wanted = {current, max(FIRST_VERSION, current - 1)}
    assert not [one.name for one in handlers_of(kind) if not wanted <= one.versions]
