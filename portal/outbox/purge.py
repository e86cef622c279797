"""Forget what was done long ago, some rows at a time."""

from django.db import connection

KEPT_DAYS = 14
WINDOW = 5_000
_PURGE = (
    "WITH walked AS MATERIALIZED (SELECT id, state, finished_at, created_at "
    "FROM outbox_outboxdelivery WHERE id > %s ORDER BY id LIMIT %s), "
    "old AS (SELECT id FROM walked WHERE state IN ('done', 'skipped') "
    "AND finished_at < clock_timestamp() - %s * interval '1 day'), "
    "gone AS (DELETE FROM outbox_outboxdelivery AS d USING old WHERE d.id = old.id RETURNING d.id) "
    "SELECT (SELECT count(*) FROM gone), (SELECT max(id) FROM walked), "
    "(SELECT max(created_at) < clock_timestamp() - %s * interval '1 day' FROM walked)"
)


def purge(*, days: int = KEPT_DAYS, window: int = WINDOW) -> int:
    """Delete what was done or skipped more than `days` ago; return how many.

    Walks the table from its oldest row in windows, one transaction each, up to the first window
    that holds something young: no index is kept for this. What is dead stays until somebody
    decides.
    """
    count, after, goes_on = 0, 0, True
    while goes_on:
        with connection.cursor() as cursor:
            cursor.execute(_PURGE, [after, window, days, days])
            row = cursor.fetchone()
        deleted, last, all_old = row or (0, None, False)
        count += deleted
        after, goes_on = last or after, bool(all_old)
    return count
