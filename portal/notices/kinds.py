"""Every kind of notice, declared once: who is told, by what, how soon.

A title is made of the kind, a number and a subject number: no name, no arm, no term of an event.
Kinds are append-only: rows of an old kind stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.notices.vocabulary import Channel, LadderKind, Urgency


class NoticeKind(StrEnum):
    """What somebody is told of."""

    ADVERSE_EVENT_SERIOUS = "adverse_event.serious"
    ADVERSE_EVENT_FOLLOW_UP = "adverse_event.follow_up"
    CLOCK_DUE = "clock.due"
    CLOCK_OVERDUE = "clock.overdue"
    ALERT_RAISED = "alert.raised"
    SUBMISSION_QUARANTINED = "submission.quarantined"
    QUERY_OPENED = "query.opened"
    DIARY_MISSED = "diary.missed"
    SIGNATURE_NEEDED = "signature.needed"
    ACCESS_CHANGED = "access.changed"
    REPORT_READY = "report.ready"


KIND_VALUES = tuple(kind.value for kind in NoticeKind)


KIND_CHOICES = tuple((kind.value, kind.value) for kind in NoticeKind)


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of a kind.

    `roles` are told directly; nobody stands there where the one concerned is named by the caller.
    `needs` is what each of them must hold where the record lies, now and whenever they look.
    `ladder` is the ladder that runs until one of its people acknowledges; `observers` are told
    beside it and do not stop it.
    """

    title: Any
    urgency: Urgency
    channels: frozenset[Channel]
    roles: frozenset[str] = frozenset()
    needs: P | None = None
    ladder: LadderKind | None = None
    observers: frozenset[str] = frozenset()
    respects_quiet_hours: bool = True
    is_bulk: bool = True


_EVERY = frozenset(Channel)
_MAIL = frozenset({Channel.LIVE, Channel.EMAIL})
_LIVE = frozenset({Channel.LIVE})
_SAFETY_TEAM = frozenset({"safety_officer", "medical_monitor"})
_MONITORS = frozenset({"cra", "unblinded_monitor", "trial_manager"})
_SITE = frozenset({"principal_investigator", "study_coordinator"})

KINDS: Mapping[NoticeKind, Declared] = MappingProxyType(
    {
        NoticeKind.ADVERSE_EVENT_SERIOUS: Declared(
            title=_("Serious adverse event %(number)s of %(subject)s"),
            urgency=Urgency.SAFETY,
            channels=_EVERY,
            needs=P.ADVERSE_EVENT_VIEW,
            ladder=LadderKind.REGULATORY,
            observers=_MONITORS,
            respects_quiet_hours=False,
            is_bulk=False,
        ),
        NoticeKind.ADVERSE_EVENT_FOLLOW_UP: Declared(
            title=_("New information on serious adverse event %(number)s of %(subject)s"),
            urgency=Urgency.URGENT,
            channels=_EVERY,
            roles=_SAFETY_TEAM | _MONITORS,
            needs=P.ADVERSE_EVENT_VIEW,
            is_bulk=False,
        ),
        NoticeKind.CLOCK_DUE: Declared(
            title=_("A report on %(subject)s is due"),
            urgency=Urgency.URGENT,
            channels=_EVERY,
            roles=_SAFETY_TEAM,
            needs=P.ADVERSE_EVENT_VIEW,
            is_bulk=False,
        ),
        NoticeKind.CLOCK_OVERDUE: Declared(
            title=_("A report on %(subject)s is overdue"),
            urgency=Urgency.SAFETY,
            channels=_EVERY,
            needs=P.ADVERSE_EVENT_VIEW,
            ladder=LadderKind.REGULATORY,
            observers=_MONITORS,
            respects_quiet_hours=False,
            is_bulk=False,
        ),
        NoticeKind.ALERT_RAISED: Declared(
            title=_("Alert for %(subject)s"),
            urgency=Urgency.SAFETY,
            channels=_EVERY,
            needs=P.ALERT_VIEW,
            ladder=LadderKind.MEDICAL,
            respects_quiet_hours=False,
            is_bulk=False,
        ),
        NoticeKind.SUBMISSION_QUARANTINED: Declared(
            title=_("An upload for %(subject)s was set aside"),
            urgency=Urgency.URGENT,
            channels=_MAIL,
            roles=_SITE,
            needs=P.QUARANTINED_SUBMISSION_VIEW,
        ),
        NoticeKind.QUERY_OPENED: Declared(
            title=_("Query %(number)s on %(subject)s"),
            urgency=Urgency.ROUTINE,
            channels=_MAIL,
            roles=frozenset({"study_coordinator"}),
            needs=P.DATA_FINDING_VIEW,
        ),
        NoticeKind.DIARY_MISSED: Declared(
            title=_("%(subject)s has missed diaries"),
            urgency=Urgency.ROUTINE,
            channels=_MAIL,
            roles=frozenset({"study_coordinator"}),
            needs=P.EPRO_REPORT_VIEW,
        ),
        NoticeKind.SIGNATURE_NEEDED: Declared(
            title=_("Your signature is needed for %(subject)s"),
            urgency=Urgency.ROUTINE,
            channels=_MAIL,
            needs=P.PATIENT_VIEW,
        ),
        NoticeKind.ACCESS_CHANGED: Declared(
            title=_("Your access has changed"), urgency=Urgency.ROUTINE, channels=_MAIL
        ),
        NoticeKind.REPORT_READY: Declared(
            title=_("Report %(number)s is ready"), urgency=Urgency.ROUTINE, channels=_LIVE
        ),
    }
)


def title_of(kind: str, *, number: str, subject: str) -> str:
    """Return a notice's title in the language that is active."""
    words: str = KINDS[NoticeKind(kind)].title % {"number": number, "subject": subject}
    return " ".join(words.split())
