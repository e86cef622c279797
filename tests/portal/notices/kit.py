"""What the tests of notices share: a world with its people, and the record they are told of."""

from typing import Any

from portal.accounts.models import User
from portal.core import clock
from portal.notices.kinds import NoticeKind
from portal.notices.models import Notice
from portal.notices.services.telling import About, tell
from tests.access.world import World, make_person, make_world


def people_of(world: World) -> World:
    """Add who looks after the first trial's safety, and who leads and monitors its first site."""
    trial, site = world.trials[0], world.sites[0]
    make_person(world, "sofia", "safety_officer", trial)
    make_person(world, "mo", "medical_monitor", trial)
    make_person(world, "ana", "cra", site)
    make_person(world, "tom", "trial_manager", trial)
    make_person(world, "ines", "principal_investigator", site)
    make_person(world, "dora", "doctor", site)
    make_person(world, "omar", "study_coordinator", site)
    make_person(world, "mei", "principal_investigator", world.sites[1])
    return world


def make_staffed_world() -> World:
    """Make the small world with these people."""
    return people_of(make_world())


def about(record: Any, resource: str, **more: Any) -> About:
    """Return what a notice says of a record of a patient."""
    return About(
        resource=resource,
        record=record.pk,
        trial=record.trial_id,
        site=record.site_id,
        patient=record.patient_id,
        subject_number=record.patient.subject_number,
        **more,
    )


def tell_of_event(world: World, *people: User, **more: Any) -> list[Notice]:
    """Tell people of the first site's first adverse event."""
    event = world.adverse_events[0]
    return tell(
        kind=more.pop("kind", NoticeKind.ADVERSE_EVENT_FOLLOW_UP),
        about=about(event, "adverse_event", number=str(event.number)),
        people=[person.pk for person in people],
        at=clock.now(),
        **more,
    )


def tell_plainly(person: User, number: int) -> Notice:
    """Tell somebody of a report that nobody else knows of."""
    from portal.core.ids import uuid7

    about_report = About(resource="report", record=uuid7(), number=str(number))
    made = tell(
        kind=NoticeKind.REPORT_READY, about=about_report, people=[person.pk], at=clock.now()
    )
    return made[0]
