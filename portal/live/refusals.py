"""A topic that was refused leaves the same trace as a page that was refused."""

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from portal.accounts.models import User
from portal.audit.record import Action, record
from portal.core import clock
from portal.live.topics import Topic

log = structlog.get_logger(__name__)


def record_refusal(user: User, topic: Topic) -> None:
    """Write one audit entry; never fails the answer. Source: ICH E6(R3) 4.2.2(a)(iii)."""
    try:
        with transaction.atomic():
            record(
                Action.REFUSED,
                by=user,
                at=clock.now(),
                resource="live_topic",
                record_id=topic.record,
                detail={"topic": topic.kind.form},
            )
    except (DatabaseError, InterfaceError):
        log.exception("refusal_not_recorded")
