"""The functions that seal and verify. They run as the owner, because part of what they read is
protected, and return digests, ids, counts and times only.

What a digest covers of a row is the text of its columns in the order of their names, on pinned
settings, so that the same row always gives the same text.
"""

from django.db import migrations

PINNED = """SET search_path = audit, public, pg_temp
    SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET xmlbinary = 'base64'
    SET enable_seqscan = off SET work_mem = '64MB'"""

# The functions name their tables' types, so these are moved to their schema before `migrate` would.
PLACES = "".join(
    f"ALTER TABLE {table} SET SCHEMA audit;"
    for table in ("audit_auditentry", "audit_seal", "audit_sealpart", "audit_seallayout")
)

# Whatever has ids from the sequence of history is sealed, in any schema of ours. It sets nothing,
# so that the planner can inline it and look for the one table that is wanted.
SEALED_TABLES = """
CREATE FUNCTION audit.sealed_tables(OUT table_name text, OUT place text, OUT columns text[])
RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT c.relname::text, format('%I.%I', n.nspname, c.relname),
        (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname IN ('public', 'identity', 'audit', 'allocation')
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'pgh_id'
                  AND a.atttypid = 'int8'::regtype AND NOT a.attisdropped)
    ORDER BY c.relname::text COLLATE "C"
$$;
"""

# The expression that gives the digest of a row of alias `h`.
ROW_DIGEST = """
CREATE FUNCTION audit.row_digest_sql(columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT 'sha256(convert_to(ROW(' || string_agg(format('h.%I', name), ',' ORDER BY place)
        || ')::text, ''UTF8''))' FROM unnest(columns) WITH ORDINALITY AS c(name, place)
$$;
"""

SEAL_PARTS = """
CREATE FUNCTION audit.seal_parts(seal bigint, low bigint, high bigint, most integer)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER {PINNED} AS $$
DECLARE
    t record;
    layout bytea;
    made integer;
BEGIN
    FOR t IN SELECT * FROM audit.sealed_tables() LOOP
        layout := sha256(convert_to(t.table_name || E'\\n' || array_to_string(t.columns, E'\\n'),
                                    'UTF8'));
        EXECUTE format($sql$
            INSERT INTO audit.audit_sealpart
                (seal_id, table_name, layout, after_id, upto_id, row_count, digest, marks)
            SELECT $1, $2, $3,
                coalesce(lag(last_id) OVER parts, $4),
                CASE WHEN lead(last_id) OVER parts IS NULL THEN $5 ELSE last_id END,
                counted, digest, marks
            FROM (
                SELECT part, count(*) AS counted, max(id) AS last_id,
                    sha256(string_agg(int8send(id) || digest, ''::bytea ORDER BY id)) AS digest,
                    string_agg(int8send(id) || substring(digest FOR 8), ''::bytea ORDER BY id)
                        AS marks
                FROM (
                    SELECT h.pgh_id AS id, %s AS digest,
                        (row_number() OVER (ORDER BY h.pgh_id) - 1) / $6 AS part
                    FROM %s h WHERE h.pgh_id > $4 AND h.pgh_id <= $5
                ) AS numbered GROUP BY part
            ) AS parted WINDOW parts AS (ORDER BY part)
        $sql$, audit.row_digest_sql(t.columns), t.place)
        USING seal, t.table_name, layout, low, high, most;
        GET DIAGNOSTICS made = ROW_COUNT;
        IF made > 0 THEN
            INSERT INTO audit.audit_seallayout (digest, table_name, columns)
            VALUES (layout, t.table_name, t.columns) ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION audit.seal_parts(bigint, bigint, bigint, integer) FROM PUBLIC;
"""

# Two instants matter. Ids given out so far are read first, then the transaction takes its own id:
# whoever holds one of those ids has an older transaction. When no older one runs any more, as a
# fresh snapshot tells, every row there will ever be up to that id can be seen. If an older one
# does run, the pair is kept in an empty seal and used as soon as its time has come. A seal's xid
# beyond the cluster's present ones comes from another cluster: a restored dump.
SEAL_NEXT = """
CREATE FUNCTION audit.seal_next(most bigint DEFAULT 50000, part_rows integer DEFAULT 1000)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER {PINNED} AS $$
DECLARE
    last audit.audit_seal%ROWTYPE;
    given bigint;
    seen pg_snapshot;
    waiting boolean;
    own bigint;
    made audit.audit_seal%ROWTYPE;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL
        OR current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'sealing needs a transaction of its own, read committed'
            USING ERRCODE = 'active_sql_transaction';
    END IF;
    IF NOT pg_try_advisory_xact_lock(7310579615478241) THEN RETURN NULL; END IF;
    SELECT * INTO last FROM audit.audit_seal ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        last.number := 0; last.hash := sha256('portal seals, version 1'::bytea);
        last.upto_id := 0; last.sampled_id := 0; last.sampled_xid := 0; last.total_count := 0;
    END IF;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO given FROM audit.history_id;
    IF given <= last.upto_id THEN RETURN NULL; END IF;
    SELECT pg_current_snapshot() INTO seen;
    waiting := last.sampled_id > last.upto_id
        AND pg_snapshot_xmax(seen)::text::bigint > last.sampled_xid;
    IF waiting AND pg_snapshot_xmin(seen)::text::bigint < last.sampled_xid THEN
        RETURN NULL;
    END IF;
    own := pg_current_xact_id()::text::bigint;
    SELECT pg_current_snapshot() INTO seen;
    made.upto_id := CASE
        WHEN pg_snapshot_xmin(seen)::text::bigint >= own THEN given
        WHEN waiting THEN last.sampled_id
        ELSE last.upto_id END;
    made.upto_id := least(made.upto_id, last.upto_id + most);
    made.number := last.number + 1;
    made.previous_hash := last.hash;
    made.after_id := last.upto_id;
    made.sampled_id := given;
    made.sampled_xid := own;
    -- The parts come before their seal, which needs their digest: keys are checked at commit.
    PERFORM audit.seal_parts(made.number, made.after_id, made.upto_id, part_rows);
    SELECT coalesce(sum(row_count), 0), sha256(convert_to(coalesce(string_agg(
            concat_ws('|', table_name, encode(layout, 'hex'), after_id, upto_id, row_count,
                      encode(digest, 'hex'), encode(sha256(marks), 'hex')) || E'\\n',
            '' ORDER BY table_name COLLATE "C", after_id), ''), 'UTF8'))
        INTO made.row_count, made.parts_digest
        FROM audit.audit_sealpart WHERE seal_id = made.number;
    made.total_count := last.total_count + made.row_count;
    made.sealed_at := clock_timestamp();
    made.hash := sha256(convert_to(concat_ws('|', 'v1', made.number,
        encode(made.previous_hash, 'hex'), made.after_id, made.upto_id, made.sampled_id,
        made.sampled_xid, made.row_count, made.total_count, encode(made.parts_digest, 'hex'),
        (extract(epoch FROM made.sealed_at) * 1000000)::bigint), 'UTF8'));
    INSERT INTO audit.audit_seal SELECT made.*;
    RETURN made.number;
END $$;
"""

PART_DIGESTS = """
CREATE FUNCTION audit.part_digests(
    wanted_table text, wanted_layout bytea, low bigint, high bigint,
    OUT part bigint, OUT counted bigint, OUT digest bytea,
    OUT earliest timestamptz, OUT latest timestamptz
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER {PINNED} AS $$
DECLARE
    place text;
    columns text[];
BEGIN
    SELECT t.place INTO STRICT place FROM audit.sealed_tables() t WHERE table_name = wanted_table;
    SELECT l.columns INTO STRICT columns FROM audit.audit_seallayout l
        WHERE l.digest = wanted_layout AND l.table_name = wanted_table;
    RETURN QUERY EXECUTE format($sql$
        SELECT p.id, r.counted, r.digest, r.earliest, r.latest
        FROM audit.audit_sealpart p CROSS JOIN LATERAL (
            SELECT count(*) AS counted, min(h.pgh_created_at) AS earliest,
                max(h.pgh_created_at) AS latest,
                sha256(coalesce(string_agg(int8send(h.pgh_id) || %s, ''::bytea
                                           ORDER BY h.pgh_id), '')) AS digest
            FROM %s h WHERE h.pgh_id > p.after_id AND h.pgh_id <= p.upto_id
        ) AS r
        WHERE p.table_name = $1 AND p.layout = $2 AND p.seal_id > $3 AND p.seal_id <= $4
    $sql$, audit.row_digest_sql(columns), place)
    USING wanted_table, wanted_layout, low, high;
END $$;
"""

ROW_MARKS = """
CREATE FUNCTION audit.row_marks(wanted_part bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER {PINNED} AS $$
DECLARE
    part audit.audit_sealpart%ROWTYPE;
    place text;
    columns text[];
    found bytea;
BEGIN
    SELECT * INTO STRICT part FROM audit.audit_sealpart WHERE id = wanted_part;
    SELECT t.place INTO STRICT place FROM audit.sealed_tables() t
        WHERE table_name = part.table_name;
    SELECT l.columns INTO STRICT columns FROM audit.audit_seallayout l
        WHERE l.digest = part.layout;
    EXECUTE format($sql$
        SELECT coalesce(string_agg(int8send(h.pgh_id) || substring(%s FOR 8), ''::bytea
                                   ORDER BY h.pgh_id), '')
        FROM %s h WHERE h.pgh_id > $1 AND h.pgh_id <= $2
    $sql$, audit.row_digest_sql(columns), place) INTO found USING part.after_id, part.upto_id;
    RETURN found;
END $$;
"""

# Beyond the parts: how many rows a table has up to an id, the first that no part covers, and
# what lies behind the last seal.
TABLE_FACTS = """
CREATE FUNCTION audit.table_facts(
    wanted_table text, low bigint, high bigint,
    OUT counted bigint, OUT stray bigint, OUT highest bigint, OUT given bigint,
    OUT earliest timestamptz, OUT latest timestamptz
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER {PINNED} AS $$
DECLARE
    place text;
    expected bigint;
BEGIN
    SELECT t.place INTO STRICT place FROM audit.sealed_tables() t WHERE table_name = wanted_table;
    SELECT coalesce(sum(row_count), 0) INTO expected FROM audit.audit_sealpart
        WHERE table_name = wanted_table AND after_id >= low AND upto_id <= high;
    EXECUTE format('SELECT count(*) FROM %s WHERE pgh_id <= $2 AND (pgh_id > $1 OR $1 = 0)', place)
        INTO counted USING low, high;
    IF counted <> expected THEN
        EXECUTE format($sql$
            SELECT min(h.pgh_id) FROM %s h
            WHERE h.pgh_id <= $2 AND (h.pgh_id > $1 OR $1 = 0) AND NOT EXISTS (
                SELECT FROM audit.audit_sealpart p WHERE p.table_name = $3
                AND h.pgh_id > p.after_id AND h.pgh_id <= p.upto_id)
        $sql$, place) INTO stray USING low, high, wanted_table;
    END IF;
    EXECUTE format('SELECT max(pgh_id), min(pgh_created_at), max(pgh_created_at) FROM %s '
                   'WHERE pgh_id > $1', place) INTO highest, earliest, latest USING high;
    -- After the rows: whatever was committed by then has an id given out by now.
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO given FROM audit.history_id;
END $$;
"""

# A row that differs from what its history says last was changed behind the triggers' back. Whole
# tables are joined: without statistics the planner would loop.
CURRENT_DIFFERENCE = """
CREATE FUNCTION audit.current_difference(
    base_table text, OUT record_key text, OUT history_id bigint, OUT why text
) RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER {PINNED}
    SET enable_seqscan = on SET enable_nestloop = off AS $$
DECLARE
    base oid;
    history text;
    key text;
    ours text;
    theirs text;
BEGIN
    SELECT c.oid INTO STRICT base FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = base_table AND c.relkind IN ('r', 'p')
          AND n.nspname IN ('public', 'identity', 'audit', 'allocation');
    SELECT place INTO STRICT history FROM audit.sealed_tables()
        WHERE table_name = base_table || 'history';
    SELECT quote_ident(a.attname) INTO STRICT key FROM pg_index i JOIN pg_attribute a
        ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = base AND i.indisprimary;
    SELECT string_agg(format('b.%I', b.attname), ',' ORDER BY b.attname),
           string_agg(format('h.%I', b.attname), ',' ORDER BY b.attname)
        INTO ours, theirs
        FROM pg_attribute b JOIN pg_attribute h ON h.attname = b.attname
            AND h.attrelid = history::regclass AND h.atttypid = b.atttypid
            AND h.attnum > 0 AND NOT h.attisdropped
        WHERE b.attrelid = base AND b.attnum > 0 AND NOT b.attisdropped;
    RETURN QUERY EXECUTE format($sql$
        SELECT coalesce(b.%1$s, h.pgh_obj_id)::text, h.pgh_id, CASE
            WHEN h.pgh_id IS NULL THEN 'has no history'
            WHEN h.pgh_label = 'delete' THEN 'is there although its history ends with its removal'
            WHEN b.%1$s IS NULL THEN 'was removed without history'
            ELSE 'differs from its last history row' END
        FROM %2$s b FULL JOIN (
            SELECT * FROM %3$s WHERE pgh_id IN (SELECT max(pgh_id) FROM %3$s GROUP BY pgh_obj_id)
        ) h ON h.pgh_obj_id = b.%1$s
        WHERE h.pgh_id IS NULL OR (b.%1$s IS NULL) <> (h.pgh_label = 'delete')
           OR (b.%1$s IS NOT NULL AND record_image_ne(ROW(%4$s), ROW(%5$s)))
        LIMIT 5
    $sql$, key, base::regclass, history, ours, theirs);
END $$;
"""

FUNCTIONS = tuple(
    text.replace("{PINNED}", PINNED)
    for text in (
        SEALED_TABLES,
        ROW_DIGEST,
        SEAL_PARTS,
        SEAL_NEXT,
        PART_DIGESTS,
        ROW_MARKS,
        TABLE_FACTS,
        CURRENT_DIFFERENCE,
    )
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(PLACES + "".join(FUNCTIONS), migrations.RunSQL.noop)]
