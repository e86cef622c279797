"""Ladders, rosters, and an inbox with something in it: told by the services, like any notice."""

from datetime import datetime, timedelta

from events.models import AdverseEvent
from events.services.escalations import about_event
from portal.accounts.models import User
from portal.core.ids import SYSTEM_ACCOUNT
from portal.demo.generator import records as r
from portal.demo.writing.cast import Cast
from portal.notices.kinds import NoticeKind
from portal.notices.models import Dispatch, Notice
from portal.notices.services.acknowledging import acknowledge
from portal.notices.services.telling import tell
from portal.notices.vocabulary import DispatchState
from trials.models import Site, Trial
from trials.services.duty import ensure_usual_ladders, put_on_duty
from trials.vocabulary import DutyLine

_OPEN_EVENTS = 6
_DONE_EVENTS = 4
_PHONE = "+00 000 000"


def write_notices(demo: r.Demo, cast: Cast, at: datetime) -> None:
    """Fill every hour of the rosters, and tell people of the newest serious events."""
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    for trial in Trial.objects.order_by("number"):
        ensure_usual_ladders(trial=trial, by=system, at=at)
    for site in Site.objects.order_by("code"):
        person = User.objects.get(pk=cast.investigator(site.pk))
        for line in DutyLine:
            put_on_duty(site=site, person=person, phone=_PHONE, line=line, by=system, at=at)
    _tell(cast, at)


def _tell(cast: Cast, at: datetime) -> None:
    """Tell of serious events of the sponsor's trials; the older ones somebody has by now."""
    rows = (
        AdverseEvent.objects.filter(is_serious=True, site__in=list(cast.safety_of_site))
        .select_related("patient")
        .order_by("-created_at", "-id")[: _OPEN_EVENTS + _DONE_EVENTS]
    )
    safety = User.objects.get(pk=cast.accounts["safety"])
    for place, event in enumerate(reversed(rows)):
        told = tell(
            kind=NoticeKind.ADVERSE_EVENT_FOLLOW_UP,
            about=about_event(event),
            people=[
                cast.accounts[name] for name in ("safety", "medical", "cra", "cra2", "manager",
                                                 "doctor", "coordinator")
            ],
            occasion="demo",
            due_at=at + timedelta(hours=24),
            at=at - timedelta(minutes=10 * (len(rows) - place)),
        )  # fmt: skip
        if place < len(rows) - _OPEN_EVENTS:
            for notice in told:
                if notice.person_id == safety.pk:
                    acknowledge(notice=notice, comment="Known.", by=safety, at=at)
    # Nobody is written to by a demo.
    Dispatch.objects.filter(notice__in=Notice.objects.filter(occasion="demo")).update(
        state=DispatchState.DROPPED
    )
