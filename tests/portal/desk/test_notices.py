"""Absences and ladders at the desk: recorded, corrected and ended through their services."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.notices.models import Absence
from portal.notices.vocabulary import LadderKind, Who
from tests.portal.desk import world as worlds
from tests.portal.desk.test_lists import address
from trials.models import Ladder, LadderRung
from trials.services.duty import ensure_usual_ladders

WHY = {"change_reason": "asked for by the site"}
FORM = "%Y-%m-%dT%H:%M"


@pytest.fixture
def absence(world: worlds.World) -> Absence:
    """Somebody is away until tomorrow."""
    person, deputy = world.person("cra"), world.person("cra")
    now = clock.now()
    form = {
        "person": person.username,
        "deputy": deputy.username,
        "from_at": f"{now - timedelta(days=1):{FORM}}",
        "to_at": f"{now + timedelta(days=1):{FORM}}",
    }
    admin = worlds.signed_in(world.person("system_admin"))
    assert admin.post(address(Absence, "add"), form | WHY).status_code == 302
    return Absence.objects.get()


def test_an_absence_is_corrected_and_ended(world: worlds.World, absence: Absence) -> None:
    admin = worlds.signed_in(world.person("system_admin"))
    page = address(Absence, "change", absence.pk)
    other = world.person("cra")
    form = {
        "deputy": other.username,
        "from_at": f"{absence.from_at:{FORM}}",
        "to_at": f"{absence.to_at + timedelta(days=2):{FORM}}",
    }
    assert admin.post(page, form | WHY).status_code == 302
    absence.refresh_from_db()
    assert absence.deputy == other
    assert absence.to_at > clock.now() + timedelta(days=2)

    form = {
        "deputy": other.username,
        "from_at": f"{absence.from_at:{FORM}}",
        "to_at": f"{absence.to_at:{FORM}}",
    }
    assert admin.post(page, form | {"end_now": "on"} | WHY).status_code == 302
    absence.refresh_from_db()
    assert absence.to_at <= clock.now()
    assert admin.post(page, form | WHY).status_code == 403


def test_nobody_stands_in_for_themselves(world: worlds.World, absence: Absence) -> None:
    form = {
        "deputy": absence.person.username,
        "from_at": f"{absence.from_at:{FORM}}",
        "to_at": f"{absence.to_at:{FORM}}",
    }
    admin = worlds.signed_in(world.person("system_admin"))
    answer = admin.post(address(Absence, "change", absence.pk), form | WHY)
    assert list(answer.context["adminform"].form.errors) == ["deputy"]


def test_a_new_rung_stands_where_it_is_put(world: worlds.World) -> None:
    manager = world.person("trial_manager", "trial", world.trials[0].pk)
    for trial in world.trials:
        ensure_usual_ladders(trial=trial, by=manager, at=clock.now())
    ladder = Ladder.objects.get(trial=world.trials[0], kind=LadderKind.MEDICAL)
    before = list(LadderRung.objects.filter(ladder=ladder).values_list("who", flat=True))
    form = {
        "ladder": ladder.pk,
        "place": "2",
        "who": Who.SAFETY_OFFICER.value,
        "wait_minutes": "10",
        "repeat_every_minutes": "5",
        "most_repeats": "1",
    }
    browser = worlds.signed_in(manager)
    assert browser.post(address(LadderRung, "add"), form | WHY).status_code == 302
    rungs = LadderRung.objects.filter(ladder=ladder, is_in_use=True).order_by("order")
    after = list(rungs.values_list("who", flat=True))
    assert after == [before[0], Who.SAFETY_OFFICER, *before[1:]]

    other = Ladder.objects.get(trial=world.trials[1], kind=LadderKind.MEDICAL)
    refused = browser.post(address(LadderRung, "add"), form | {"ladder": other.pk} | WHY)
    assert refused.context["adminform"].form.errors["ladder"]
