"""The live topic of one's own notices: every one, once, in order (contract.md 2)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from portal.accounts.models import User
from portal.core import clock
from portal.live.sources import Telling, tells
from portal.live.topics import TopicKind, offer
from portal.notices.models import Notice, NoticeCounter
from portal.notices.selectors import represent
from portal.notices.services.acknowledging import note_delivered

NAME = "notifications"
# What is further back is fetched as a list.
MOST_REPLAYED = 1000
OLDEST_REPLAYED = timedelta(days=30)


def _may(user: User, record: UUID | None) -> bool:
    return bool(user.is_active)


def _position(user: User) -> int:
    last = NoticeCounter.objects.filter(person=user).values_list("last", flat=True).first()
    return last or 0


def _positions(people: Collection[UUID]) -> Mapping[UUID, int]:
    found = NoticeCounter.objects.filter(person__in=people).values_list("person_id", "last")
    return dict(found)


def _replay(user: User, after: int) -> Sequence[tuple[int, str, Any]] | None:
    missing = _position(user) - after
    if missing < 0 or missing > MOST_REPLAYED:
        return None
    missed = list(Notice.objects.filter(person=user, sequence__gt=after).order_by("sequence"))
    if missed and missed[0].created_at < clock.now() - OLDEST_REPLAYED:
        return None
    return [(data["sequence"], data["kind"], data) for data in represent(missed, user)]


def _delivered(reached: Collection[tuple[UUID, int]]) -> None:
    note_delivered(reached, at=clock.now())


offer(
    TopicKind(
        NAME,
        _may,
        replay=_replay,
        position=_position,
        positions=_positions,
        delivered=_delivered,
        is_personal=True,
    )
)


@tells("notice")
def tell_notices(records: Sequence[UUID]) -> list[Telling]:
    """Tell each person of their notices, in the order of their sequence.

    A version after the first is a change: told again to screens that have the notice already.
    """
    rows = Notice.objects.filter(pk__in=records).select_related("person")
    by_person = groupby(rows.order_by("person", "sequence"), key=attrgetter("person_id"))
    return [telling for _person, some in by_person for telling in _tellings(list(some))]


def _tellings(notices: list[Notice]) -> list[Telling]:
    person = notices[0].person
    return [
        Telling(
            (NAME,),
            notice.kind,
            data,
            person=person.pk,
            sequence=notice.sequence,
            is_change=notice.version > 1,
        )
        for notice, data in zip(notices, represent(notices, person), strict=True)
    ]
