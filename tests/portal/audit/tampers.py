"""Ways to tamper with the trail, each at a random position, by one who may do anything.

Each is done in the superuser's transaction and told as SQL, the way an intruder or a well-meaning
administrator would. Sources: 21 CFR 11.10(e), EMA 6.2.1.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from django.db import connection

HISTORY = "audit.patients_vitalsignhistory"
PROTECTED = "allocation.patients_protectedfindinghistory"
ENTRIES = "audit.audit_auditentry"


@dataclass(slots=True)
class Deed:
    """What was done: the row that verification should name, where it can, and the anchor to use."""

    anchor: Path
    row: int | None = None
    needs_anchor: bool = False


class Intruder:
    """The superuser, with the guards of the touched tables out of the way."""

    def __init__(self, anchor: Path, scratch: Path, rng: Random) -> None:
        self.rng, self.scratch = rng, scratch
        self.deed = Deed(anchor)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Execute a statement; return its rows."""
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def quietly(self, table: str, statement: str, *values: Any) -> None:
        """Execute a statement with the table's triggers off, and put them back as they were."""
        self.sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        self.sql(statement, *values)
        self.sql("SET CONSTRAINTS ALL IMMEDIATE")
        names = self.sql(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", table
        )
        for (name,) in names:
            self.sql(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')

    def pick(self, table: str, *, but_last: int = 0) -> int:
        """Return the id of a random row, which becomes the row to be named."""
        ids = [row[0] for row in self.sql(f"SELECT pgh_id FROM {table} ORDER BY pgh_id")]
        self.deed.row = self.rng.choice(ids[: len(ids) - but_last])
        return self.deed.row

    def seals(self) -> list[int]:
        """Return the numbers of all seals."""
        return [row[0] for row in self.sql("SELECT number FROM audit.audit_seal ORDER BY number")]


Tamper = Callable[[Intruder], None]
TAMPERS: dict[str, Tamper] = {}


def tamper(function: Tamper) -> Tamper:
    """Register one kind."""
    TAMPERS[function.__name__] = function
    return function


def change(intruder: Intruder, assignment: str, table: str = HISTORY, *values: Any) -> None:
    """Change one row of a trail."""
    row = intruder.pick(table)
    intruder.quietly(table, f"UPDATE {table} SET {assignment} WHERE pgh_id = {row}", *values)


# --- rows of history ------------------------------------------------------------------------------


@tamper
def change_a_value(intruder: Intruder) -> None:
    """Another temperature."""
    change(intruder, "value = value + 0.1")


@tamper
def change_only_the_scale_of_a_number(intruder: Intruder) -> None:
    """37.5 becomes 37.50 in the reporter's words: equal as a number, not as a text."""
    change(intruder, "original_value = original_value || '0'")


@tamper
def change_only_the_zone_of_a_time(intruder: Intruder) -> None:
    """The same instant, written with another offset."""
    table = "audit.patients_visithistory"
    change(intruder, "started = replace(started, '08:30:00+01:00', '07:30:00+00:00')", table)


@tamper
def change_nothing_to_empty(intruder: Intruder) -> None:
    """NULL becomes an empty text, which looks the same in print."""
    intruder.sql("ALTER TABLE audit.patients_visithistory ALTER ended TYPE text")
    change(intruder, "ended = ''", "audit.patients_visithistory")


@tamper
def blame_somebody_else(intruder: Intruder) -> None:
    """Another person did it."""
    change(intruder, "acted_by = '00000000-0000-7000-8000-000000000001'")


@tamper
def change_a_reason(intruder: Intruder) -> None:
    """A better reason."""
    change(intruder, "acted_reason = acted_reason || ' of the source'")


@tamper
def move_a_time_by_a_microsecond(intruder: Intruder) -> None:
    """The smallest change of when."""
    change(intruder, "pgh_created_at = pgh_created_at + interval '1 microsecond'")


@tamper
def turn_a_correction_into_a_first_entry(intruder: Intruder) -> None:
    """The label of a row."""
    change(intruder, "pgh_label = CASE pgh_label WHEN 'insert' THEN 'update' ELSE 'insert' END")


@tamper
def change_a_protected_row(intruder: Intruder) -> None:
    """A row that the application may not even read."""
    change(intruder, "message = message || '!'", PROTECTED)


@tamper
def delete_a_row_in_the_middle(intruder: Intruder) -> None:
    """A correction that never was."""
    row = intruder.pick(HISTORY, but_last=1)
    intruder.quietly(HISTORY, f"DELETE FROM {HISTORY} WHERE pgh_id = {row}")


@tamper
def delete_the_last_rows(intruder: Intruder) -> None:
    """The end of one table's history, its seals left alone."""
    ids = [row[0] for row in intruder.sql(f"SELECT pgh_id FROM {HISTORY} ORDER BY pgh_id DESC")]
    count = intruder.rng.randint(1, 10)
    intruder.deed.row = ids[count - 1]
    intruder.quietly(HISTORY, f"DELETE FROM {HISTORY} WHERE pgh_id >= {ids[count - 1]}")


@tamper
def truncate_a_table(intruder: Intruder) -> None:
    """All history of one kind of record."""
    table = intruder.rng.choice([HISTORY, "audit.trials_sitehistory", PROTECTED])
    rows = intruder.sql(f"SELECT min(pgh_id) FROM {table}")
    intruder.deed.row = rows[0][0]
    intruder.quietly(table, f"TRUNCATE {table}")


@tamper
def swap_two_rows(intruder: Intruder) -> None:
    """Two rows change their places in the order."""
    first, second = sorted(
        intruder.rng.sample([row[0] for row in intruder.sql(f"SELECT pgh_id FROM {HISTORY}")], 2)
    )
    intruder.deed.row = first
    intruder.quietly(
        HISTORY,
        f"UPDATE {HISTORY} SET pgh_id = -1 WHERE pgh_id = {first}; "
        f"UPDATE {HISTORY} SET pgh_id = {first} WHERE pgh_id = {second}; "
        f"UPDATE {HISTORY} SET pgh_id = {second} WHERE pgh_id = -1",
    )


def insert_copy(intruder: Intruder, number: str, at: str = "pgh_created_at") -> int:
    """Insert a copy of a row under another number and time; return the number."""
    columns = [
        row[0]
        for row in intruder.sql(
            "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass "
            "AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('pgh_id', 'pgh_created_at')",
            HISTORY,
        )
    ]
    listed = ", ".join(columns)
    source = intruder.pick(HISTORY)
    made = intruder.sql(f"SELECT ({number})::bigint")[0][0]
    intruder.quietly(
        HISTORY,
        f"INSERT INTO {HISTORY} (pgh_id, pgh_created_at, {listed}) "
        f"SELECT {made}, {at}, {listed} FROM {HISTORY} WHERE pgh_id = {source}",
    )
    intruder.deed.row = made
    return int(made)


@tamper
def slip_a_row_into_a_sealed_place(intruder: Intruder) -> None:
    """A number that another table's row has: in this table it is free."""
    row = intruder.pick("audit.events_adverseeventhistory")
    insert_copy(intruder, str(row))


@tamper
def forge_a_row_with_a_negative_id(intruder: Intruder) -> None:
    """Before everything."""
    insert_copy(intruder, str(-intruder.rng.randint(0, 1000)))


@tamper
def forge_a_row_with_an_id_never_given_out(intruder: Intruder) -> None:
    """After everything, to be sealed one day."""
    ahead = intruder.rng.randint(1, 10**6)
    insert_copy(intruder, f"(SELECT last_value FROM audit.history_id) + {ahead}")


@tamper
def forge_a_row_of_1999(intruder: Intruder) -> None:
    """A proper number, not sealed yet, and an old date."""
    day = intruder.rng.randint(1, 365)
    insert_copy(
        intruder, "nextval('audit.history_id')", f"'1999-01-01'::timestamptz + interval '{day} d'"
    )
    # Its record's last history row would be this one; nothing but the date gives it away.
    intruder.quietly(
        HISTORY, f"UPDATE {HISTORY} SET pgh_obj_id = gen_random_uuid(), pgh_label = 'delete' "
        f"WHERE pgh_id = {intruder.deed.row}"
    )  # fmt: skip


# --- acts -----------------------------------------------------------------------------------------


@tamper
def change_the_detail_of_an_act(intruder: Intruder) -> None:
    """What was looked at."""
    change(intruder, "detail = detail || '{\"fields\": []}'", ENTRIES)


@tamper
def delete_an_act(intruder: Intruder) -> None:
    """It was not looked at."""
    row = intruder.pick(ENTRIES)
    intruder.quietly(ENTRIES, f"DELETE FROM {ENTRIES} WHERE pgh_id = {row}")


# --- rows that are written once -------------------------------------------------------------------


@tamper
def change_a_source_record(intruder: Intruder) -> None:
    """What the file said."""
    table = intruder.rng.choice(
        ["patients_sourcerecord", "allocation.patients_protectedsourcerecord"]
    )
    change(intruder, 'variables = variables || \'{"VSORRES": "36.6"}\'', table)


@tamper
def move_a_sample_by_a_microsecond(intruder: Intruder) -> None:
    """When a monitor's value was received."""
    change(intruder, "received_at = received_at + interval '1 microsecond'", "patients_vitalsample")


@tamper
def delete_a_source_record(intruder: Intruder) -> None:
    """A row that the file never had."""
    row = intruder.pick("patients_sourcerecord")
    intruder.quietly(
        "patients_sourcerecord", f"DELETE FROM patients_sourcerecord WHERE pgh_id = {row}"
    )


# --- seals ----------------------------------------------------------------------------------------


@tamper
def change_a_seal(intruder: Intruder) -> None:
    """One column of one seal."""
    column = intruder.rng.choice(
        ["previous_hash", "parts_digest", "hash", "row_count", "total_count", "upto_id",
         "after_id", "sampled_id", "sampled_xid", "sealed_at"]
    )  # fmt: skip
    change_to = {
        "sealed_at": "sealed_at + interval '1 microsecond'",
        "previous_hash": "sha256(previous_hash)",
        "parts_digest": "sha256(parts_digest)",
        "hash": "sha256(hash)",
    }.get(column, f"{column} + 1")
    number = intruder.rng.choice(intruder.seals())
    intruder.quietly(
        "audit.audit_seal", f"UPDATE audit.audit_seal SET {column} = {change_to} "
        f"WHERE number = {number}"
    )  # fmt: skip


@tamper
def delete_a_seal(intruder: Intruder) -> None:
    """A seal in the middle and its parts."""
    number = intruder.rng.choice(intruder.seals()[:-1])
    for table, column in (("audit.audit_sealpart", "seal_id"), ("audit.audit_seal", "number")):
        intruder.quietly(table, f"DELETE FROM {table} WHERE {column} = {number}")


@tamper
def delete_a_layout(intruder: Intruder) -> None:
    """Without the list of columns, a table's digests cannot be recomputed."""
    intruder.quietly(
        "audit.audit_seallayout",
        "DELETE FROM audit.audit_seallayout WHERE table_name = %s",
        intruder.rng.choice(intruder.sql("SELECT table_name FROM audit.audit_seallayout"))[0],
    )


@tamper
def change_a_row_and_its_part(intruder: Intruder) -> None:
    """The row and the digest of its part fit each other again; the seal does not."""
    change(intruder, "value = value + 1")
    row, intruder.deed.row = intruder.deed.row, None
    reseal_part(intruder, int(row or 0))


def reseal_part(intruder: Intruder, row: int) -> int:
    """Bring the part that covers a row in line with the rows there are; return its seal."""
    ((seal, part, layout),) = intruder.sql(
        "SELECT seal_id, id, layout FROM audit.audit_sealpart WHERE table_name = %s "
        "AND after_id < %s AND upto_id >= %s",
        HISTORY.partition(".")[2], row, row,
    )  # fmt: skip
    intruder.quietly(
        "audit.audit_sealpart",
        "UPDATE audit.audit_sealpart p SET digest = d.digest, row_count = d.counted, "
        "marks = audit.row_marks(p.id) "
        "FROM audit.part_digests(%s, %s, %s, %s) d WHERE d.part = p.id AND p.id = %s",
        HISTORY.partition(".")[2], bytes(layout), seal - 1, seal, part,
    )  # fmt: skip
    return int(seal)


@tamper
def change_a_row_and_remake_the_chain(intruder: Intruder) -> None:
    """Part, seal and all later seals are made anew, without a fault: only a witness can tell."""
    from portal.audit.chain import parts_digest
    from portal.audit.selectors import links, parts_of_seals

    change(intruder, "original_value = original_value || ' '")
    row, intruder.deed.row = intruder.deed.row, None
    intruder.quietly(
        "patients_vitalsign",
        f"UPDATE patients_vitalsign v SET original_value = h.original_value FROM {HISTORY} h "
        f"WHERE h.pgh_obj_id = v.id AND h.pgh_id = (SELECT max(pgh_id) FROM {HISTORY} l "
        "WHERE l.pgh_obj_id = v.id)",
    )
    first = reseal_part(intruder, int(row or 0))
    previous = None
    for link in list(links(after=first - 1)):
        parts = parts_of_seals(link.number, link.number)[link.number]
        link = replace(
            link,
            parts_digest=parts_digest(parts),
            previous_hash=previous or link.previous_hash,
        )
        previous = link.computed_hash()
        intruder.quietly(
            "audit.audit_seal",
            "UPDATE audit.audit_seal SET parts_digest = %s, previous_hash = %s, hash = %s "
            "WHERE number = %s",
            link.parts_digest, link.previous_hash, previous, link.number,
        )  # fmt: skip
    intruder.deed.needs_anchor = True


@tamper
def cut_the_tail_with_its_seals(intruder: Intruder) -> None:
    """The last rows, their records' changes and all their seals, as an older backup would be."""
    number = intruder.rng.choice(intruder.seals()[1:])
    ((upto,),) = intruder.sql("SELECT after_id FROM audit.audit_seal WHERE number = %s", number)
    for table in ("patients_vitalsign", "events_adverseevent"):
        restore_records(intruder, table, upto)
    places = [row[0] for row in intruder.sql("SELECT place FROM audit.sealed_tables()")]
    for place in places:
        intruder.quietly(place, f"DELETE FROM {place} WHERE pgh_id > {upto}")
    restore_records(intruder, "patients_sourcefile", upto)
    for table, column in (("audit.audit_sealpart", "seal_id"), ("audit.audit_seal", "number")):
        intruder.quietly(table, f"DELETE FROM {table} WHERE {column} >= {number}")
    intruder.deed.needs_anchor = True


def restore_records(intruder: Intruder, table: str, upto: int) -> None:
    """Give records the values that their history had up to a number."""
    history = f"audit.{table}history"
    columns = [
        row[0]
        for row in intruder.sql(
            "SELECT quote_ident(b.attname) FROM pg_attribute b JOIN pg_attribute h USING (attname) "
            "WHERE b.attrelid = %s::regclass AND h.attrelid = %s::regclass AND b.attnum > 0 "
            "AND b.attname <> 'id'",
            table, history,
        )
    ]  # fmt: skip
    listed = ", ".join(f"{name} = h.{name}" for name in columns)
    intruder.quietly(
        table,
        f"DELETE FROM {table} WHERE id NOT IN "
        f"(SELECT pgh_obj_id FROM {history} WHERE pgh_id <= {upto}); "
        f"UPDATE {table} b SET {listed} FROM {history} h WHERE h.pgh_obj_id = b.id AND h.pgh_id = "
        f"(SELECT max(pgh_id) FROM {history} l WHERE l.pgh_obj_id = b.id AND l.pgh_id <= {upto})",
    )


@tamper
def edit_the_anchor(intruder: Intruder) -> None:
    """The witness's file itself."""
    lines = intruder.deed.anchor.read_text().splitlines()
    place = intruder.rng.randrange(len(lines))
    head = json.loads(lines[place])
    field = intruder.rng.choice(["hash", "count", "upto_id", "sealed_at"])
    head[field] = head[field][::-1] if isinstance(head[field], str) else head[field] + 1
    lines[place] = json.dumps(head)
    intruder.deed.anchor = intruder.scratch / "edited.jsonl"
    intruder.deed.anchor.write_text("\n".join(lines) + "\n")


# --- records and guards ---------------------------------------------------------------------------


def pick_record(intruder: Intruder, table: str) -> str:
    """Return a random record's key."""
    return str(intruder.rng.choice([row[0] for row in intruder.sql(f"SELECT id FROM {table}")]))


@tamper
def change_a_record_behind_its_history(intruder: Intruder) -> None:
    """Triggers off, edit, triggers on: the history knows nothing of it."""
    key = pick_record(intruder, "patients_vitalsign")
    intruder.quietly(
        "patients_vitalsign", "UPDATE patients_vitalsign SET value = value + 1 WHERE id = %s", key
    )


@tamper
def delete_a_record_behind_its_history(intruder: Intruder) -> None:
    """Triggers off, delete, triggers on."""
    key = pick_record(intruder, "patients_vitalsign")
    intruder.quietly("patients_vitalsign", "DELETE FROM patients_vitalsign WHERE id = %s", key)


@tamper
def leave_a_trigger_off(intruder: Intruder) -> None:
    """Switched off, or only for the ordinary role of replication."""
    ((table, name),) = intruder.rng.sample(our_triggers(intruder), 1)
    how = intruder.rng.choice(["DISABLE", "ENABLE", "ENABLE REPLICA"])
    intruder.sql(f'ALTER TABLE {table} {how} TRIGGER "{name}"')


@tamper
def drop_a_trigger(intruder: Intruder) -> None:
    """Gone."""
    ((table, name),) = intruder.rng.sample(our_triggers(intruder), 1)
    intruder.sql(f'DROP TRIGGER "{name}" ON {table}')


@tamper
def hollow_a_trigger_out(intruder: Intruder) -> None:
    """The trigger is there and enabled; its function does nothing."""
    ((_table, name),) = intruder.rng.sample(our_triggers(intruder), 1)
    intruder.sql(
        f'CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql '
        "AS $$ BEGIN RETURN NULL; END $$"
    )


@tamper
def add_a_trigger(intruder: Intruder) -> None:
    """A trigger that blames somebody else before ours write it down."""
    table = intruder.rng.choice([HISTORY, "patients_vitalsign", ENTRIES])
    intruder.sql(
        "CREATE FUNCTION public.helpful() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NEW; END $$"
    )
    intruder.sql(
        f"CREATE TRIGGER helpful BEFORE INSERT ON {table} FOR EACH ROW "
        "EXECUTE FUNCTION public.helpful()"
    )


@tamper
def add_a_rule(intruder: Intruder) -> None:
    """What is to be written is thrown away."""
    table = intruder.rng.choice([HISTORY, "patients_vitalsign", ENTRIES])
    intruder.sql(f"CREATE RULE quiet AS ON UPDATE TO {table} DO INSTEAD NOTHING")


def our_triggers(intruder: Intruder) -> list[tuple[Any, ...]]:
    """Return the triggers whose absence would be felt."""
    return intruder.sql(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger%' "
        "AND NOT tgisinternal ORDER BY 1, 2"
    )
