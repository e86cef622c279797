"""What the live side forgets: none of it is a record."""

from datetime import datetime, timedelta

from portal.accounts.models import RightsChange
from portal.live.models import PendingUpdate
from portal.live.services.tickets import forget_used_tickets

# Longer than any process keeps a verdict without asking again.
NOTES_KEPT = timedelta(hours=1)
# While no relay runs, updates pile up that no wall will want: it begins with a snapshot.
UPDATES_KEPT = timedelta(hours=1)


def forget_what_is_over(*, at: datetime) -> None:
    """Delete used tickets, notes of changed rights and updates that are of no use any more."""
    forget_used_tickets(at=at)
    RightsChange.objects.filter(noted_at__lt=at - NOTES_KEPT).delete()
    PendingUpdate.objects.filter(created_at__lt=at - UPDATES_KEPT).delete()
