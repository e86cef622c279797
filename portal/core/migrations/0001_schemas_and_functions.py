"""Schemas, the one sequence of history, and the functions that tables of every app rely on."""

from django.db import migrations

SCHEMAS = """
CREATE SCHEMA IF NOT EXISTS audit;
CREATE SCHEMA IF NOT EXISTS identity;
CREATE SCHEMA IF NOT EXISTS allocation;
CREATE SEQUENCE IF NOT EXISTS audit.history_id AS bigint;
"""

# Called by every history trigger: who acts, declared by portal.core.history.acting().
DECLARED_CONTEXT = """
CREATE FUNCTION declared_context(
    table_name text, reason_required boolean,
    OUT transaction_id xid8, OUT acted_by uuid, OUT acted_role text, OUT acted_organization text,
    OUT acted_reason text, OUT acted_source text, OUT acted_request_id text
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    acted_by := nullif(current_setting('portal.actor', true), '')::uuid;
    IF acted_by IS NULL THEN
        RAISE EXCEPTION 'a write to % names nobody who acts', table_name
            USING ERRCODE = 'PA001', HINT = 'Write inside portal.core.history.acting(by=...).';
    END IF;
    acted_reason := coalesce(current_setting('portal.reason', true), '');
    IF reason_required AND acted_reason = '' THEN
        RAISE EXCEPTION 'a change of % needs a reason', table_name
            USING ERRCODE = 'PA002', HINT = 'Pass reason= to portal.core.history.acting().';
    END IF;
    transaction_id := pg_current_xact_id();
    acted_role := coalesce(current_setting('portal.role', true), '');
    acted_organization := coalesce(current_setting('portal.organization', true), '');
    acted_source := coalesce(nullif(current_setting('portal.source', true), ''), 'sql');
    acted_request_id := coalesce(current_setting('portal.request_id', true), '');
END $$;
"""

# The same arithmetic as portal.core.partial_dates; a property test holds the two together.
PARTIAL_DATES = """
CREATE FUNCTION partial_bound(stored text, last boolean) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    bare text := split_part(stored, '[', 1);
    part text[];
    zone text;
    y int; m int; d int; h int; mi int; s numeric;
    naive timestamp;
    instant timestamptz;
BEGIN
    -- Nearly all dates are one of these; the general case costs ten times as much.
    IF stored ~ '^\\d{4}-\\d\\d-\\d\\d$' THEN
        RETURN CASE WHEN last
            THEN (stored::date AT TIME ZONE 'UTC') + interval '36 hours' - interval '1 microsecond'
            ELSE (stored::date AT TIME ZONE 'UTC') - interval '14 hours'
        END;
    ELSIF stored ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d$' THEN
        RETURN CASE WHEN last
            THEN (stored::timestamp AT TIME ZONE 'UTC') + interval '12:00:59.999999'
            ELSE (stored::timestamp AT TIME ZONE 'UTC') - interval '14 hours'
        END;
    ELSIF bare ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(Z|[+-]\\d\\d:\\d\\d)$' THEN
        RETURN bare::timestamptz + CASE WHEN last THEN interval '0.999999 s' ELSE '0' END;
    END IF;
    zone := substring(stored from '\\[(.+)\\]$');
    part := regexp_match(
        bare,
        '^(\\d{4}|-)(?:-(\\d{2}|-)(?:-(\\d{2}|-))?)?'
        '(?:T(\\d{2}|-)(?::(\\d{2}|-)(?::(\\d{2}(?:\\.\\d{1,6})?))?)?(Z|[+-]\\d{2}:\\d{2})?)?$'
    );
    IF part IS NULL THEN
        RAISE EXCEPTION '% is not a partial date', quote_literal(stored)
            USING ERRCODE = 'invalid_datetime_format';
    END IF;
    y := nullif(part[1], '-')::int;
    IF y IS NULL THEN RETURN NULL; END IF;
    m := coalesce(nullif(part[2], '-')::int, CASE WHEN last THEN 12 ELSE 1 END);
    d := coalesce(
        nullif(part[3], '-')::int,
        CASE WHEN last
            THEN extract(day FROM make_date(y, m, 1) + interval '1 month - 1 day')::int
            ELSE 1 END
    );
    h := coalesce(nullif(part[4], '-')::int, CASE WHEN last THEN 23 ELSE 0 END);
    mi := coalesce(nullif(part[5], '-')::int, CASE WHEN last THEN 59 ELSE 0 END);
    s := coalesce(part[6]::numeric, CASE WHEN last THEN 59 ELSE 0 END);
    IF last AND (part[6] IS NULL OR position('.' in part[6]) = 0) THEN s := s + 0.999999; END IF;
    naive := make_date(y, m, d) + make_interval(hours => h, mins => mi)
        + s * interval '1 second';
    IF part[7] IS NOT NULL THEN
        IF part[7] = 'Z' THEN RETURN naive AT TIME ZONE 'UTC'; END IF;
        RETURN (naive - part[7]::interval) AT TIME ZONE 'UTC';
    ELSIF zone IS NOT NULL THEN
        instant := naive AT TIME ZONE zone;
        -- In the hour that a change of clocks repeats, PostgreSQL takes the second one.
        RETURN CASE WHEN last THEN instant ELSE
            least(instant, ((naive - interval '1 hour') AT TIME ZONE zone) + interval '1 hour')
        END;
    ELSIF last THEN
        RETURN (naive AT TIME ZONE 'UTC') + interval '12 hours';
    ELSE
        RETURN (naive AT TIME ZONE 'UTC') - interval '14 hours';
    END IF;
END $$;
CREATE FUNCTION partial_earliest(stored text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN RETURN public.partial_bound(stored, false); END $$;
CREATE FUNCTION partial_latest(stored text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN RETURN public.partial_bound(stored, true); END $$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(SCHEMAS, migrations.RunSQL.noop),
        migrations.RunSQL(DECLARED_CONTEXT, "DROP FUNCTION declared_context(text, boolean)"),
        migrations.RunSQL(
            PARTIAL_DATES,
            "DROP FUNCTION partial_earliest(text), partial_latest(text), "
            "partial_bound(text, boolean)",
        ),
    ]
