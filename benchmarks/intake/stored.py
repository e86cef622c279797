"""What a report costs when many are stored already: the ids are those that phones make.

The rows are written by the superuser beside the triggers, with the ids and times of a year's
reports; what they leave in the history and the outbox is not made.
"""

import argparse

import psycopg
from contestants import CONTESTANTS, Contestant, Stage
from load import median, wrk
from report import Goals

FEW = 100_000
MOST_RATIO = 1.3
CONNECTIONS = 64
PART = 500_000


def measure(stage: Stage, given: argparse.Namespace, goals: Goals) -> None:
    """Measure at a hundred thousand rows and at as many as were asked for, with v7 and v4 ids."""
    one = CONTESTANTS["asgi"]
    print(f"\nstored    cost of a report by how many are stored, {CONNECTIONS} connections")
    cost: dict[tuple[int, str], float] = {}
    with stage.running(one):
        for rows in (FEW, given.stored):
            _fill(stage, one, rows)
            for ids in ("v7", "v4"):
                runs = [
                    wrk(stage, one, CONNECTIONS, given.seconds, given.warm_up, ids)
                    for _ in range(given.runs)
                ]
                cost[rows, ids] = 1e6 / median(runs).per_second
                print(f"  {rows:>12,} rows, {ids}: {cost[rows, ids]:.0f} us a report", flush=True)
    for ids, least in (("v7", MOST_RATIO), ("v4", None)):
        ratio = cost[given.stored, ids] / cost[FEW, ids]
        if least is None:
            print(f"  beside it, with v4 ids: {ratio:.2f} times")
        else:
            goals.check(
                f"a report costs at most {least:g} times as much at {given.stored:,} as at {FEW:,}",
                ratio <= least,
                f"{ratio:.2f} times",
            )


def _fill(stage: Stage, one: Contestant, rows: int) -> None:
    """Copy the reports that are there, each with new ids, until there are so many."""
    database, table = one.table()
    if stage.bed.count(database, table) == 0:
        wrk(stage, one, CONNECTIONS, 2, 0)
    with psycopg.connect(stage.bed.url("postgres", database), autocommit=True) as hand:
        columns = [
            name
            for (name,) in hand.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
                [table],
            )
        ]
        fresh = dict.fromkeys(("id", "submission_id"), _UUID7)
        values = ", ".join(fresh.get(name, f"r.{name}") for name in columns)
        # They run in every replication role, so they are put to sleep and woken again.
        always = hand.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'",
            [table],
        ).fetchall()
        hand.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        hand.execute("SET maintenance_work_mem = '1GB'")
        # Sorted once at the end, not row by row; those of constraints stay.
        indexes = hand.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
            "WHERE i.indrelid = %s::regclass AND NOT i.indisunique",
            [table],
        ).fetchall()
        for name, _ in indexes:
            hand.execute(f"DROP INDEX {name}")
        while (held := stage.bed.count(database, table)) < rows:
            hand.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
                f"FROM (SELECT * FROM {table} LIMIT 20000) r, "
                "generate_series(1, %s) AS n LIMIT %s",
                [PART // 1000, min(PART, rows - held)],
            )
        for _, definition in indexes:
            hand.execute(definition)
        hand.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        for (name,) in always:
            hand.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        hand.execute(f"VACUUM ANALYZE {table}")
        # Else the checkpoint of all these rows is still being written while reports are measured.
        hand.execute("CHECKPOINT")


# Of a moment in the year before: older than what the phones of the benchmark send.
_UUID7 = (
    "encode(set_byte(set_byte(int8send(((extract(epoch FROM now()) * 1000)::bigint "
    "- (random() * 31536000000)::bigint) << 16) || substring(uuid_send(gen_random_uuid()) "
    "FROM 9 FOR 8), 6, 112), 8, 128 + (random() * 63)::int), 'hex')::uuid"
)
