"""What ends by itself."""

from datetime import datetime

from django.contrib.sessions.models import Session as CookieSession

from portal.accounts.models import EndReason, Session
from portal.accounts.services import sign_in_limits
from portal.accounts.services.sessions import end_sessions
from portal.accounts.services.sign_in_refusals import settle_refusals
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT


def close_expired(*, at: datetime) -> int:
    """Mark the sessions that ran out by `at` and return how many.

    They counted no more anyway: this only makes the list of sessions say so, in their history too.
    Refused sign-ins of windows that ended are told; old cookie sessions and sign-in counters, which
    are no records, are deleted.
    """
    expired = Session.objects.filter(expires_at__lte=at, revoked_at__isnull=True)
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="expired"):
        closed = end_sessions(expired, why=EndReason.EXPIRED, by=SYSTEM_ACCOUNT, at=at)
    CookieSession.objects.filter(expire_date__lt=at).delete()
    sign_in_limits.forget_old_counters(at)
    settle_refusals(at=at)
    return closed
