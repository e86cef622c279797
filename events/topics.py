"""The safety of a trial, live: pointers to adverse events that came or changed (contract.md 2)."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from events.models import AdverseEvent
from portal.access.permissions import Permission
from portal.access.scoping import scope
from portal.accounts.models import User
from portal.live.sources import Telling, tells
from portal.live.topics import TopicKind, offer


def _may_trial(user: User, record: UUID | None) -> bool:
    # One site of the trial is not the trial: the topic tells of every site's events.
    held = scope(user, Permission.ADVERSE_EVENT_VIEW)
    return held.everywhere or record in held.trials


offer(TopicKind("trial.<id>.safety", _may_trial))


def _trials_of(records: Sequence[UUID]) -> Iterable[str]:
    rows = AdverseEvent.objects.filter(pk__in=records).distinct()
    return [f"trial.{trial}.safety" for trial in rows.values_list("trial_id", flat=True)]


@tells("adverse_event", topics=_trials_of)
def tell_events(records: Sequence[UUID]) -> list[Telling]:
    """Point to events; who is told reads them by the API, where the right is asked again."""
    rows = AdverseEvent.objects.filter(pk__in=records).order_by("created_at", "id")
    return [
        Telling(
            (f"trial.{trial}.safety",),
            "adverse_event",
            {"resource": "adverse_event", "id": key, "version": version},
        )
        for key, trial, version in rows.values_list("pk", "trial_id", "version")
    ]
