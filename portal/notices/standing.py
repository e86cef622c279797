"""Whether the watcher watches: the dead man's switch behind /readyz."""

from django.db import connection

from portal.ops import health

# It sweeps every second; a sweep that hangs, or a step that nobody takes, shows within a minute.
SILENT_SECONDS = 60.0


def watcher_state() -> str:
    """Return `ok`, `never seen`, `silent`, or `overdue` when something due is left undone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT extract(epoch FROM clock_timestamp() - swept_at)::float "
            "FROM notices_watcherheartbeat), EXISTS (SELECT FROM notices_escalationstep "
            "WHERE state = 'pending' AND due_at < clock_timestamp() - make_interval(secs => %s))",
            [SILENT_SECONDS],
        )
        silent, is_overdue = cursor.fetchone() or (None, False)
    if silent is not None and silent > SILENT_SECONDS:
        return "silent"
    if is_overdue:
        return "overdue"
    return "never seen" if silent is None else "ok"


health.VITAL["watcher"] = watcher_state
