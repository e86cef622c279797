"""Hand letters over to their channels and write down what the provider answered.

A letter is in hand for a while, sent, and then its answer is stored. Who dies in between leaves it
in hand; it is sent again later under the same id, so that a mail has the same Message-ID.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.utils import translation
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core.failpoints import failpoint
from portal.notices.channels.base import Answer, Letter, Outcome, send
from portal.notices.kinds import NoticeKind, title_of
from portal.notices.models import Dispatch, NoticeSending
from portal.notices.rules import next_attempt
from portal.notices.services.telling import About, entitled
from portal.notices.vocabulary import Channel, DispatchState, Urgency, Way

IN_HAND = timedelta(minutes=2)
AT_ONCE = 20
_CHANNEL = {Way.EMAIL: Channel.EMAIL, Way.PUSH: Channel.PUSH, Way.DIGEST: Channel.EMAIL}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A letter, and what it stands for."""

    letter: Letter
    way: Way
    dispatches: Sequence[Dispatch]


def post_due(*, at: datetime, early: Collection[UUID] = ()) -> int:
    """Send what is due, and `early`; return how many letters were handed over, whatever came of it.

    What was acknowledged meanwhile, or may no longer be seen by its person, does not leave.
    """
    count = 0
    for bundle in _take(at, early):
        answer = send(_CHANNEL[bundle.way], bundle.letter)
        failpoint("notices.after_send")
        _store(bundle, answer, at)
        count += 1
    return count


def release() -> int:
    """Let go of what another watcher had in hand when it ended; return how much that was."""
    return Dispatch.objects.filter(state=DispatchState.PENDING, leased_until__isnull=False).update(
        leased_until=None
    )


def _take(at: datetime, early: Collection[UUID]) -> list[Bundle]:
    """Take letters in hand, those of safety first."""
    is_due = Q(due_at__lte=at) | Q(pk__in=early)
    is_free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
    first = Case(When(notice__urgency=Urgency.SAFETY, then=Value(0)), default=Value(1))
    with transaction.atomic():
        rows = list(
            Dispatch.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(is_due & is_free, state=DispatchState.PENDING)
            .order_by(first, "due_at", "id")
            .select_related("notice__person")[:AT_ONCE]
        )
        rows += _rest_of_digests(rows, is_due & is_free)
        wanted = [row for row in rows if _is_wanted(row, at)]
        unwanted = {row.pk for row in rows} - {row.pk for row in wanted}
        Dispatch.objects.filter(pk__in=unwanted).update(
            state=DispatchState.DROPPED, leased_until=None
        )
        for row in wanted:
            row.attempts += 1
            row.leased_until = at + IN_HAND
        Dispatch.objects.bulk_update(wanted, ["attempts", "leased_until"])
    letters = [_letter(row) for row in wanted if row.way != Way.DIGEST]
    return letters + _digests([row for row in wanted if row.way == Way.DIGEST])


def _rest_of_digests(rows: Sequence[Dispatch], ready: Q) -> list[Dispatch]:
    """Take with one line of a person's digest all the others."""
    people = {row.notice.person_id for row in rows if row.way == Way.DIGEST}
    if not people:
        return []
    others = Dispatch.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        ready, state=DispatchState.PENDING, way=Way.DIGEST, notice__person__in=people
    )
    known = {row.pk for row in rows}
    return [row for row in others.select_related("notice__person") if row.pk not in known]


def _is_wanted(row: Dispatch, at: datetime) -> bool:
    notice = row.notice
    if notice.acknowledged_at is not None:
        return False
    about = About(
        resource=notice.resource,
        record=notice.record_id,
        trial=notice.trial_id,
        site=notice.site_id,
        patient=notice.patient_id,
    )
    return bool(entitled(NoticeKind(notice.kind), about, [notice.person_id], at))


def _letter(row: Dispatch) -> Bundle:
    notice = row.notice
    with translation.override(notice.person.language):
        title = title_of(notice.kind, number=notice.number, subject=notice.subject_number)
        body = _("Open the portal to read it and to say that you have it.")
        letter = Letter(
            id=row.pk,
            about=notice.pk,
            person=notice.person_id,
            urgency=notice.urgency,
            title=title,
            body=f"{title}\n\n{body}\n\n{_caution(notice.kind)}".strip(),
            language=notice.person.language,
            link=_link(f"/inbox/{notice.pk}"),
        )
    return Bundle(letter, Way(row.way), [row])


def _digests(rows: Sequence[Dispatch]) -> list[Bundle]:
    """Return one letter for each person with what waits for them."""
    person_of = attrgetter("notice.person_id")
    ordered = sorted(rows, key=lambda row: (row.notice.person_id, row.notice.sequence))
    return [_digest(list(some)) for _person, some in groupby(ordered, key=person_of)]


def _digest(rows: list[Dispatch]) -> Bundle:
    person: User = rows[0].notice.person
    day = max(row.due_at for row in rows)
    with translation.override(person.language):
        lines = [
            title_of(row.notice.kind, number=row.notice.number, subject=row.notice.subject_number)
            for row in rows
        ]
        key = uuid5(NAMESPACE_URL, f"digest/{person.pk}/{day.isoformat()}")
        letter = Letter(
            id=key,
            about=key,
            person=person.pk,
            urgency=Urgency.ROUTINE,
            title=_("What waits for you"),
            body="\n".join(f"- {line}" for line in lines),
            language=person.language,
            link=_link("/inbox"),
        )
    return Bundle(letter, Way.DIGEST, rows)


def _caution(kind: str) -> str:
    if kind != NoticeKind.ALERT_RAISED:
        return ""
    return _(
        "Research display, may be delayed. Not for monitoring or emergency decisions; follow the "
        "site's alarms."
    )


def _link(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else path


def _store(bundle: Bundle, answer: Answer, at: datetime) -> None:
    """Write down the answer; what failed is tried again later, what was refused is not."""
    with transaction.atomic():
        for row in bundle.dispatches:
            NoticeSending.objects.create(
                notice=row.notice,
                channel=row.way,
                attempt=row.attempts,
                outcome=answer.outcome,
                provider=answer.provider[:200],
                message_id=answer.message_id[:200],
                at=at,
            )
            again = next_attempt(row.attempts, at) if answer.outcome == Outcome.FAILED else None
            state = DispatchState.DONE if answer.outcome == Outcome.SENT else DispatchState.DROPPED
            changes = {"state": state} if again is None else {"due_at": again}
            Dispatch.objects.filter(pk=row.pk, state=DispatchState.PENDING).update(
                leased_until=None, **changes
            )
