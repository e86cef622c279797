"""Tickets: a token for one socket, good for thirty seconds and one use.

The access token stays out of addresses and logs; whoever finds a ticket there finds it used.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portal.accounts.services import sessions, tokens
from portal.accounts.services.sessions import Authenticated
from portal.accounts.services.tokens import TokenInvalid, TokenType
from portal.live.models import UsedTicket

LIFETIME = timedelta(seconds=30)
# Used tickets are remembered for longer than any of them counts, clocks' leeway included.
REMEMBERED = timedelta(minutes=10)


def issue_ticket(*, authenticated: Authenticated, at: datetime) -> str:
    """Return a ticket for one socket of this session. Nothing is stored until it is used."""
    return tokens.make(
        TokenType.TICKET,
        user=authenticated.user.pk,
        session=authenticated.session.pk,
        issued_at=at,
        expires_at=at + LIFETIME,
    )


def use_ticket(*, ticket: str, at: datetime) -> Authenticated:
    """Return who stands behind `ticket`, and use it up; of several at once one wins.

    Source: OWASP ASVS 5.0 4.4.3. Raises: TokenInvalid, TokenExpired, TokenRevoked, UserInactive.
    """
    found = sessions.authenticate(ticket, at, accepts=[TokenType.TICKET])
    digest = hashlib.sha256(ticket.encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedTicket.objects.create(jti_digest=digest, used_at=at)
    except IntegrityError:
        raise TokenInvalid() from None
    return found


def forget_used_tickets(*, at: datetime) -> None:
    """Delete the notes of tickets that could not be used again anyhow."""
    UsedTicket.objects.filter(used_at__lt=at - REMEMBERED).delete()
