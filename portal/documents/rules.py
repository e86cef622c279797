"""What a report may become, and how far a share of the work is."""

from portal.core.errors import NotPermitted, RuleBroken
from portal.documents.vocabulary import ReportState

MOST_ATTEMPTS = 3
MOST_OPEN_PER_PERSON = 5


class ReportEnded(RuleBroken):
    """The report has ended already: there is nothing to cancel."""

    code = "report_ended"


class ReportNotReady(RuleBroken):
    """The report has no file yet; wait until it is finished."""

    code = "report_not_ready"


class ReportFileGone(RuleBroken):
    """The file was kept for a day and is gone; ask for the report again."""

    code = "report_file_gone"


class RightsChanged(NotPermitted):
    """You may no longer read everything that this file holds; ask for the report again."""

    code = "report_rights_changed"


class TooManyReports(RuleBroken):
    """You have as many reports at work as one person may have; wait, or cancel one."""

    code = "too_many_reports"


def check_open(state: str) -> None:
    """Refuse to cancel what has ended. Raises: ReportEnded."""
    if state not in (ReportState.QUEUED, ReportState.RUNNING):
        raise ReportEnded()


def percent_of(done: int, total: int) -> int:
    """Return how much of the work is done, never a hundred before it is finished."""
    return min(99, done * 100 // total) if total > 0 else 0
