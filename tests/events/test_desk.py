"""Adverse events at the desk: the same services, the same rights, the same reasons."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.models import AdverseEvent, AdverseEventVersion
from tests.access.fixtures import undone, world
from tests.access.world import World, make_person
from tests.portal.desk.world import signed_in

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
UNKNOWN = dict.fromkeys(
    (
        "death",
        "life_threatening",
        "hospitalization",
        "disability",
        "congenital_anomaly",
        "other_medically_important",
        "serious_as_reported",
    ),
    "unknown",
)


def desk(world: World, name: str, role: str, where: Any) -> Client:
    person = make_person(world, name, role, where)
    return signed_in(person)


def typed(world: World, **facts: Any) -> dict[str, Any]:
    return {
        "patient": str(world.patients[0].pk),
        "term": "felt dizzy",
        "outcome": "unknown",
        "change_reason": "seen at the visit",
        **UNKNOWN,
        **facts,
    }


def refusals(answer: Any) -> str:
    found = re.findall(r'class="errorlist[^"]*"[^>]*>(.*?)</ul>', answer.content.decode(), re.S)
    return " ".join(found)


def test_site_staff_report_and_correct_at_the_desk(world: World) -> None:
    client = desk(world, "ines", "principal_investigator", world.sites[0])
    add = reverse("admin:events_adverseevent_add")
    made = client.post(add, typed(world, onset="2026-03"))
    assert made.status_code == 302, refusals(made)
    event = AdverseEvent.objects.get(term="felt dizzy")
    assert str(event.onset) == "2026-03"
    page = reverse("admin:events_adverseevent_change", args=[event.pk])
    assert client.get(page).status_code == 200
    changed = typed(world, onset="2026-03", term="felt giddy", kind="correction")
    assert client.post(page, changed).status_code == 302
    version = AdverseEventVersion.objects.get(adverse_event=event, ordinal=2)
    assert (version.kind, version.stated) == ("correction", {"term": "felt giddy"})


def test_a_refusal_is_told_on_the_form(world: World) -> None:
    client = desk(world, "ines", "principal_investigator", world.sites[0])
    add = reverse("admin:events_adverseevent_add")
    answer = client.post(add, typed(world, death="yes"))
    assert answer.status_code == 200
    assert "Say when the site became aware of a serious event." in refusals(answer)
    assert not AdverseEvent.objects.filter(term="felt dizzy").exists()


@pytest.mark.req("ISO-03")
@pytest.mark.parametrize("role", ["cra", "data_manager", "inspector"])
def test_who_monitors_is_offered_no_form(world: World, role: str) -> None:
    client = desk(world, f"{role} at the desk", role, world.trials[0])
    event = world.adverse_events[0]
    page = reverse("admin:events_adverseevent_change", args=[event.pk])
    assert client.get(reverse("admin:events_adverseevent_add")).status_code == 403
    assert client.post(page, typed(world, term="changed")).status_code == 403
    assert AdverseEvent.objects.get(pk=event.pk).version == event.version


def test_another_sites_patient_cannot_be_chosen(world: World) -> None:
    client = desk(world, "ines", "principal_investigator", world.sites[0])
    add = reverse("admin:events_adverseevent_add")
    assert client.post(add, typed(world, patient=str(world.patients[2].pk))).status_code == 200
    assert not AdverseEvent.objects.filter(term="felt dizzy").exists()
