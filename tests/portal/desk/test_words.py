"""Codes are told in words, in the reader's language; what somebody wrote stays as it is."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.utils import translation

from events.models import AdverseEvent
from patients.models import DataFinding
from portal.access.models import PortalUserPermission
from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.core.clock import now
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from portal.desk.columns import told
from portal.desk.layout import name_of
from portal.desk.site import site
from portal.desk.words import spoken
from tests.portal.desk import world as worlds
from tests.portal.desk.test_lists import address
from trials.models import Assignment
from trials.services.assignments import assign_role


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("code", "field", "words"),
    [
        ("adverse_event", "resource", "adverse event"),
        ("study_coordinator", "role", "Study coordinator"),
        ("study_coordinator doctor", "acted_role", "Study coordinator, Doctor (sub-investigator)"),
        ("not_related", "causality", "not related"),
        ("adverse_event.follow_up", "kind", "adverse event follow up"),
        ("RASH_1", "rule", "RASH_1"),
        ("1.0", "kind", "1.0"),
        ("a word of somebody", "item", "a word of somebody"),
    ],
)
def test_code_is_said_in_words(code: str, field: str, words: str) -> None:
    assert spoken(code, field) == words


def test_words_are_those_of_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert spoken("adverse_event", "resource") == "不良事件"
        assert spoken("study_coordinator", "role") != "Study coordinator"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"birth_year": "not_allowed"}, "birth year not allowed"),
        ([True, None, 2], "yes, –, 2"),
        ([], ""),
        ({"said": "As SHE said_it"}, "said As SHE said_it"),
        ({"value": 71, "reading": "019e3861-e400-765d-984d-a617fdeaa497"}, "value 71"),
    ],
)
def test_json_is_told_in_words(value: Any, words: str) -> None:
    assert told(value) == words


def test_lists_pages_and_histories_show_words_instead_of_codes(world: worlds.World) -> None:
    event = AdverseEvent.objects.get(patient=world.patients[0])
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        event.causality = "not_related"
        event.save()
    client = worlds.signed_in(world.person("inspector"))
    for page, args in (("changelist", []), ("change", [event.pk]), ("history", [event.pk])):
        shown = client.get(address(AdverseEvent, page, *args)).content.decode()
        assert "not_related" not in shown, page
        assert "not related" in shown, page


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("adverse_event.serious_as_reported", "adverse event serious as reported"),
        ("heart_rate 72 /min", "heart rate 72 /min"),
        ("adsl_v2.xpt", "adsl_v2.xpt"),
        ("019e3861-e400-765d-984d-a617fdeaa497", "finding"),
        ("", "finding"),
    ],
)
def test_record_is_named_in_words(stored: str, name: str) -> None:
    class Named:
        _meta = SimpleNamespace(verbose_name="finding")

        def __str__(self) -> str:
            return stored

    assert name_of(cast(Any, Named())) == name


def test_no_way_is_shown_to_a_history_that_is_not_there(world: worlds.World) -> None:
    event = AdverseEvent.objects.get(patient=world.patients[0])
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        record(Action.VIEWED, resource="adverse_event", by=SYSTEM_ACCOUNT, at=now())
    entry = AuditEntry.objects.latest("pk")
    client = worlds.signed_in(world.person("inspector"))
    for row, leads in ((event, True), (entry, False)):
        shown = client.get(address(type(row), "change", row.pk)).content.decode()
        assert ("historylink" in shown) is leads


def test_a_finding_is_told_without_codes(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    shown = client.get(address(DataFinding, "changelist")).content.decode()
    assert "seriousness contradiction" in shown
    assert "Safety officer" in shown


def test_a_filter_in_use_is_told(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    where = address(AdverseEvent, "changelist")
    assert client.get(where).context["cl"].filters_in_use == []
    used = client.get(where, {"is_serious__exact": "1"}).context["cl"].filters_in_use
    assert used == ["Serious: Yes"]


def test_every_table_and_every_field_that_a_page_shows_has_words_in_the_readers_language() -> None:
    without = [
        f"{model._meta.label}.{field.name}"
        for model in site._registry
        for field in model._meta.concrete_fields
        if field.editable and not field.primary_key and isinstance(field.verbose_name, str)
    ]
    without += [
        model._meta.label for model in site._registry if isinstance(model._meta.verbose_name, str)
    ]
    assert without == []


def test_a_right_is_listed_by_its_code_under_words(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("system_admin"))
    where = address(PortalUserPermission, "changelist")
    shown = client.get(where, {"q": "assignment:view"}).content.decode()
    assert '<td class="field-permission_text">assignment:view</td>' in shown
    assert "Rights everywhere" in shown


def test_an_adverse_event_tells_its_coded_term_and_its_end_in_second_lines(
    world: worlds.World,
) -> None:
    event = AdverseEvent.objects.get(patient=world.patients[0])
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        event.outcome, event.resolved = "recovered", PartialDateTime("2013-06-02")
        event.save()
    client = worlds.signed_in(world.person("inspector"))
    shown = client.get(address(AdverseEvent, "changelist")).content.decode()
    assert 'RASH<div class="cell-muted">Rash</div>' in shown
    assert 'Recovered<div><time class="date-cell" title="2013-06-02 (zone unknown)">' in shown


def test_an_assignment_is_found_by_the_name_of_its_role(world: worlds.World) -> None:
    admin = world.person("system_admin")
    for role, where in (("cra", world.trials[0]), ("study_coordinator", world.sites[0])):
        person = world.person("inspector")
        assign_role(person=person, role=role, where=where, from_at=now(), by=admin, at=now())
    found = worlds.signed_in(admin).get(address(Assignment, "changelist"), {"q": "coordinator"})
    assert [row.role for row in found.context["cl"].result_list] == ["study_coordinator"]
