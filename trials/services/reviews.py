"""The periodic review of access."""

from datetime import UTC, date, datetime, time, timedelta

from portal.access.reports import Window, access_during, digest_of
from portal.accounts.models import User
from portal.core.errors import InvalidInput
from trials.models import AccessReview, Trial
from trials.services.setup import save_checked
from trials.vocabulary import ReviewConclusion


def days(first: date, last: date) -> Window:
    """Return the days from `first` to `last`, both whole, in UTC."""
    begins = datetime.combine(first, time(), UTC)
    return Window(begins, datetime.combine(last, time(), UTC) + timedelta(days=1))


def record_access_review(
    *,
    trial: Trial | None,
    period_from: date,
    period_to: date,
    conclusion: ReviewConclusion,
    findings: str = "",
    by: User,
    at: datetime,
    reason: str = "",
) -> AccessReview:
    """Record that `by` went through who had access (None: to the whole portal) in those days.

    The digest of the list is kept with it. Source: ICH E6(R3) 4.3.8 (E6-13).
    Raises: InvalidInput.
    """
    if period_to > at.date():
        raise InvalidInput("A review covers days that have come.")
    entries = access_during(days(period_from, period_to), trial.pk if trial else None)
    review = AccessReview(
        trial=trial,
        period_from=period_from,
        period_to=period_to,
        reviewed_by=by,
        reviewed_at=at,
        conclusion=conclusion,
        findings=findings,
        entries=len(entries),
        digest=digest_of(entries),
        created_at=at,
    )
    return save_checked(review, by=by, at=at, reason=reason)
