"""The outbox in SQL, for writers that do all their work in one statement."""

import re

from portal.outbox.kinds import Kind, payload_version
from portal.outbox.registry import handlers_of

CHANNEL = "outbox"
# PostgreSQL sends equal notifications of one transaction once.
NOTIFY_SQL = f"pg_notify('{CHANNEL}', '')"
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


def deliveries_cte(kind: Kind, *, source: str) -> str:
    """Return the body of a data-modifying CTE that writes the deliveries of many messages.

    `source` names a CTE with the columns message_id, resource, record_id, ordering_key, trial_id,
    site_id, lane and payload. The handlers are constants of the text: ask for it when all apps are
    loaded. The caller selects NOTIFY_SQL in the same transaction.
    """
    if not _IDENTIFIER.fullmatch(source):
        raise ValueError(f"{source!r} is not the name of a CTE")
    # The parts are constants of this code, checked when they were registered.
    values = ", ".join(
        f"('{handler.name}', {'true' if handler.is_ordered else 'false'})"
        for handler in handlers_of(kind)
    )
    handlers = f"(VALUES {values})" if values else "(SELECT '', false WHERE false)"
    return (
        "INSERT INTO outbox_outboxdelivery (message_id, kind, version, handler, is_ordered, lane, "  # noqa: S608
        "resource, record_id, ordering_key, trial_id, site_id, payload) "
        f"SELECT {source}.message_id, '{kind.value}', {payload_version(kind)}, handlers.name, "
        f"handlers.is_ordered, {source}.lane, {source}.resource, {source}.record_id, "
        f"{source}.ordering_key, {source}.trial_id, {source}.site_id, {source}.payload "
        f"FROM {source} CROSS JOIN {handlers} AS handlers (name, is_ordered)"
    )
