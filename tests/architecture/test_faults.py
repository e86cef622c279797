"""Every fault of our test plan has a test that carries its id, or waits here with the reason."""

from tests.architecture.test_traceability import marked

FAULTS = tuple(f"F{number}" for number in range(1, 113))

_PROCESSES = "a process killed at that point: shown with the intake and pipeline tests"
_BROKER = "the broker away, emptied or full: shown with the message pipeline"
_SOCKETS = "live connections: shown with the sockets' own tests"
_UPLOADS = "uploads of phones: shown with intake"
_FORMS = "signing and locking come with electronic forms"
_NOTICES = "notices and their ladder come with alerts"
_ZONES = "diary windows come with the schedule of diaries"
_FILES = "no endpoint takes a file yet"
_DISKS = "needs a file system of its own, which a test without root cannot mount"

WAITING: dict[str, str] = {
    **dict.fromkeys(("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10"), _PROCESSES),
    **dict.fromkeys(("F12", "F13", "F14", "F15", "F16", "F19", "F26"), _PROCESSES),
    **dict.fromkeys(("F11", "F104", "F105"), _NOTICES),
    "F17": "reports are rendered later",
    "F21": "synchronous_commit is checked at start-up and on the connection, without this id",
    "F25": "needs a proxy that loses packets between portal and database",
    "F29": "the lint of migrations is not written yet",
    "F30": "there is no released version to run beside this one",
    "F31": "shedding when every connection is used is not shown yet",
    **dict.fromkeys(("F32", "F33", "F111"), _DISKS),
    "F36": "two clocks five minutes apart are not shown yet; history takes the database's",
    "F38": "the time limit of idle transactions is a setting, not shown yet",
    "F39": "connections after many requests and sockets are not counted yet",
    **dict.fromkeys((f"F{n}" for n in range(40, 55)), _BROKER),
    **dict.fromkeys(("F55", "F57", "F58", "F59", "F60", "F61"), _SOCKETS),
    **dict.fromkeys((f"F{n}" for n in range(62, 70)), _UPLOADS),
    "F70": "the phone's own queue is in the phone's program",
    "F71": "the refresh race is shown under its session id (J9)",
    "F72": "sign-in limits of a clinic are shown without this id",
    "F73": "forged forwarding headers are shown without this id",
    "F74": "doubled and odd headers come with the raw-socket tests",
    **dict.fromkeys(("F84", "F85", "F86"), _ZONES),
    **dict.fromkeys(("F90", "F91"), _FILES),
    **dict.fromkeys(("F96", "F97", "F98", "F102"), _FORMS),
    "F101": "exports pulled while a right is taken away are shown with exports",
    "F106": "a follow-up before its initial report comes with safety reports",
    "F107": "deadlines and their clock come with safety reports",
    "F108": "randomization comes later",
    "F109": "erasure comes later",
    "F110": "shown for every answer as a tenant property (T7)",
}


def test_every_fault_has_a_test_or_waits_with_a_reason() -> None:
    carried = marked()
    missing = [fault for fault in FAULTS if fault not in carried and fault not in WAITING]
    assert missing == []


def test_only_faults_of_the_plan_wait() -> None:
    assert not [fault for fault in WAITING if fault not in FAULTS]
    assert all(reason.strip() for reason in WAITING.values())
