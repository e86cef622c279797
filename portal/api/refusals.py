"""Refusals leave a trace: who asked for what they may not see or do, found or never made alike."""

import logging
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from rest_framework.request import Request

from portal.accounts.models import User
from portal.audit.record import Action, record
from portal.core import clock

logger = logging.getLogger(__name__)
RECORDED = frozenset({403, 404})


def record_refusal(request: Request, view: Any, status: int) -> None:
    """Write one audit entry for a signed-in person's 403 or 404. Never fails the answer.

    Source: ICH E6(R3) 4.2.2(a)(iii); the same for an id out of scope and for one never made.
    """
    user = getattr(request, "_user", None)
    if status not in RECORDED or not isinstance(user, User):
        return
    match = request.resolver_match
    try:
        with transaction.atomic():
            record(
                Action.REFUSED,
                by=user,
                at=clock.now(),
                resource=str(match.view_name if match else "")[:60],
                record_id=view.kwargs.get("pk"),
                detail={"status": status, "method": request.method},
            )
    except (DatabaseError, InterfaceError):
        logger.exception("refusal_not_recorded")
