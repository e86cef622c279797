"""How the queue stands: what waits, for how long, what died, and whether the relay lives."""

from dataclasses import dataclass

from django.db import connection

from portal.outbox.kinds import Lane

# The relay says that it lives every two seconds; while it works alone, after each chunk.
SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """One lane: deliveries that wait, and the age of the oldest in seconds."""

    lane: Lane
    depth: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The whole queue."""

    lanes: tuple[LaneStanding, ...]
    dead: int
    relay_silent_seconds: float | None
    relay_mode: str


def standing() -> Standing:
    """Return how the queue stands now, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lane, count(*), extract(epoch from clock_timestamp() - min(created_at))::float "
            "FROM outbox_outboxdelivery WHERE state = 'pending' GROUP BY lane"
        )
        found = {row[0]: (int(row[1]), float(row[2])) for row in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'dead'")
        dead = (cursor.fetchone() or (0,))[0]
        silent, mode = _relay(cursor)
    lanes = tuple(LaneStanding(lane, *found.get(lane.value, (0, 0.0))) for lane in Lane)
    return Standing(lanes, int(dead), silent, mode)


def relay_state() -> str:
    """Return `ok`, how the relay works when it works alone, `silent` or `never seen`."""
    with connection.cursor() as cursor:
        silent, mode = _relay(cursor)
    if silent is None:
        return "never seen"
    if silent > SILENT_SECONDS:
        return "silent"
    return "ok" if mode == "broker" else mode


def _relay(cursor: "object") -> tuple[float | None, str]:
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT extract(epoch from clock_timestamp() - seen_at)::float, mode "
        "FROM outbox_relayheartbeat"
    )
    row = cursor.fetchone()  # type: ignore[attr-defined]
    return (float(row[0]), str(row[1])) if row else (None, "")
