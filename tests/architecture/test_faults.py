"""Every fault of our test plan has a test that carries its id, or waits here with the reason."""

from tests.architecture.test_traceability import marked

FAULTS = tuple(f"F{number}" for number in range(1, 113))

_FORMS = "signing and locking come with electronic forms"

WAITING: dict[str, str] = {
    **dict.fromkeys(("F97", "F98"), _FORMS),
    "F108": "randomization comes later",
}


def test_every_fault_has_a_test_or_waits_with_a_reason() -> None:
    carried = marked()
    missing = [fault for fault in FAULTS if fault not in carried and fault not in WAITING]
    assert missing == []


def test_only_faults_of_the_plan_wait() -> None:
    assert not [fault for fault in WAITING if fault not in FAULTS]
    assert all(reason.strip() for reason in WAITING.values())


def test_no_fault_waits_that_has_a_test() -> None:
    """Take it off the list: what waits is what nobody shows yet."""
    carried = marked()
    assert not [fault for fault in WAITING if fault in carried]
