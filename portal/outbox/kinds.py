"""What the portal tells itself. Append-only: rows of an old kind may still wait somewhere."""

from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What happened, dotted and in the past tense."""

    REPORT_RECEIVED = "report.received"
    VITALS_RECEIVED = "vitals.received"
    REPORT_PROCESSED = "report.processed"
    VITAL_SIGN_RECORDED = "vital_sign.recorded"
    OBSERVATION_SET_CLOSED = "observation_set.closed"
    ALERT_RAISED = "alert.raised"
    SUBMISSION_QUARANTINED = "submission.quarantined"
    ADVERSE_EVENT_REPORTED = "adverse_event.reported"
    ADVERSE_EVENT_AMENDED = "adverse_event.amended"


class Lane(IntEnum):
    """Which deliveries go first."""

    SAFETY = 0
    ORDINARY = 1


# The version of each kind's payload as it is written now; a handler names those that it reads.
FIRST_VERSION = 1
PAYLOAD_VERSIONS: dict[Kind, int] = {}

# Kinds to which nothing reacts yet: publishing them writes nothing.
WITHOUT_HANDLER = frozenset(Kind) - {
    Kind.REPORT_RECEIVED,
    Kind.VITALS_RECEIVED,
    Kind.VITAL_SIGN_RECORDED,
    Kind.OBSERVATION_SET_CLOSED,
    Kind.ALERT_RAISED,
    Kind.ADVERSE_EVENT_REPORTED,
    Kind.ADVERSE_EVENT_AMENDED,
}


def payload_version(kind: Kind) -> int:
    """Return the version in which a kind's payload is written."""
    return PAYLOAD_VERSIONS.get(kind, FIRST_VERSION)
