"""Every list, page and history opens for those who may, for nobody else, and changes nothing."""

import hashlib
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import EproReport, Patient, QuarantinedSubmission, VitalSign
from portal.access.roles import ROLES
from portal.access.unblinded import unblinded
from portal.core.clock import now
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.desk.protected import ProtectedAdmin
from portal.desk.site import site
from tests.portal.desk import world as worlds

MODELS = sorted(site._registry, key=lambda model: model._meta.label)
STAFF = [role.code for role in ROLES.values() if role.opens_admin]


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_ours_has_a_list() -> None:
    from django.apps import apps

    ours = ("accounts", "access", "audit", "trials", "patients", "events")
    histories = set(TRACKED.values())
    missing = [
        model._meta.label
        for label in ours
        for model in apps.get_app_config(label).get_models()
        if model not in histories and not site.is_registered(model)
    ]
    assert missing == []


@pytest.mark.parametrize("role", ["study_coordinator", "unblinded_monitor", "system_admin"])
def test_every_list_opens_for_those_who_may(world: worlds.World, role: str) -> None:
    anchor = ("site", world.sites[0].pk) if ROLES[role].is_site_staff else ("portal", None)
    client = worlds.signed_in(world.person(role, *anchor))
    held = ROLES[role].permissions
    # Rows of no trial and no site are for those whose role is portal-wide.
    everywhere = anchor[0] == "portal"
    statuses = {
        model._meta.label: client.get(address(model, "changelist"), {"q": "P-001"}).status_code
        for model in MODELS
        if site._registry[model].view_permission in held
        and (everywhere or hasattr(model, "access_paths"))
    }

    assert set(statuses.values()) == {200}, statuses
    assert client.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize("role", STAFF)
def test_a_list_stays_shut_for_those_who_may_not(world: worlds.World, role: str) -> None:
    client = worlds.signed_in(world.person(role, "trial", world.trials[0].pk))
    record = "01900000-0000-7000-8000-00000000dead"
    statuses = {
        (model._meta.label, page): client.get(address(model, page, *args)).status_code
        for model in MODELS
        if site._registry[model].view_permission not in ROLES[role].permissions
        for page, args in (("changelist", []), ("change", [record]), ("history", [record]))
    }

    assert set(statuses.values()) <= {403, 404}, statuses
    assert {code for (_, page), code in statuses.items() if page == "changelist"} <= {403}


def _first(model: Any) -> Any:
    with unblinded():
        return model._base_manager.order_by("pk").first()


def test_every_record_and_its_history_open_for_an_unblinded_monitor(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("unblinded_monitor"))
    opened = 0
    for model in MODELS:
        record = _first(model)
        model_admin = site._registry[model]
        if (
            record is None
            or model_admin.view_permission not in ROLES["unblinded_monitor"].permissions
        ):
            continue
        for page in ("change", "history"):
            response = client.get(address(model, page, record.pk))
            assert response.status_code == 200, (model._meta.label, page)
            assert ">None<" not in response.content.decode(), (model._meta.label, page)
        opened += 1
    assert opened >= 12


@pytest.mark.parametrize("role", ["unblinded_monitor", "system_admin"])
def test_every_filter_of_a_list_can_be_used(world: worlds.World, role: str) -> None:
    client = worlds.signed_in(world.person(role))
    held = ROLES[role].permissions
    for model in MODELS:
        if site._registry[model].view_permission not in held:
            continue
        if role == "system_admin" and hasattr(model, "access_paths"):
            continue  # opened by the monitor
        page = client.get(address(model, "changelist"))
        for spec in page.context["cl"].filter_specs:
            last = list(spec.choices(page.context["cl"]))[-1]
            response = client.get(address(model, "changelist") + last["query_string"])
            assert response.status_code == 200, (model._meta.label, spec.title, last)


def test_site_staff_see_the_rows_of_their_site_and_no_others(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("study_coordinator", "site", world.sites[0].pk))

    response = client.get(address(Patient, "changelist"))

    assert sorted(worlds.rows_shown(response)) == ["P-001", "P-002"]


@pytest.mark.parametrize("label", ["patients.VitalSign", "events.AdverseEvent", "patients.Patient"])
def test_records_of_another_site_do_not_exist(world: worlds.World, label: str) -> None:
    client = worlds.signed_in(world.person("study_coordinator", "site", world.sites[0].pk))
    model = next(model for model in MODELS if model._meta.label == label)
    foreign = model._base_manager.get(site=world.sites[2])

    for page in ("change", "history"):
        there = client.get(address(model, page, foreign.pk))
        never = client.get(address(model, page, "01900000-0000-7000-8000-00000000dead"))
        assert there.status_code == never.status_code == 404
        told = [re.sub(rb"<code>.*?</code>", b"", page.content) for page in (there, never)]
        assert told[0] == told[1]


def test_filters_offer_only_sites_within_scope(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("study_coordinator", "site", world.sites[0].pk))

    text = client.get(address(Patient, "changelist")).content.decode()

    assert "S3" not in text
    assert "T-2" not in text


@pytest.mark.parametrize(
    "query",
    [
        "site__trial__sponsor__name__startswith=S",
        "account__password__startswith=p",
        "usubjid__regex=.*",
        "participation__exact=a%00b",
        "participation__exact=" + "a" * 300,
        "_to_field=usubjid",
    ],
    ids=lambda query: query[:40],
)
def test_lookups_that_no_filter_offers_are_refused(world: worlds.World, query: str) -> None:
    client = worlds.signed_in(world.person("inspector"))

    assert client.get(address(Patient, "changelist") + "?" + query).status_code == 400


@pytest.mark.parametrize(
    "query",
    ["p=x", "p=999999", "o=99.-5.x", "site__id__exact=x", "q=%00", "q=" + "a" * 5000, "e=1"],
    ids=lambda query: query[:40],
)
def test_odd_addresses_never_break_a_list(world: worlds.World, query: str) -> None:
    client = worlds.signed_in(world.person("inspector"))

    assert client.get(address(Patient, "changelist") + "?" + query).status_code in (200, 302)


@pytest.mark.parametrize(
    "label",
    [
        "patients.Patient",
        "patients.VitalSign",
        "events.AdverseEvent",
        "patients.LabResult",
        "patients.DataFinding",
        "trials.Site",
        "trials.Assignment",
        "patients.Visit",
    ],
)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    world: worlds.World, label: str
) -> None:
    model = next(model for model in MODELS if model._meta.label == label)
    client = worlds.signed_in(world.person("inspector"))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(address(model, "changelist")).status_code == 200
        return len(captured)

    before = queries()
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        for index in range(20):
            worlds.add_patient(world.sites[0], f"M-{index:03}", readings=2)

    assert queries() == before
    assert before <= 15


def test_looking_changes_nothing(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("unblinded_monitor"))
    before = _changes()

    for model in MODELS:
        record = _first(model)
        client.get(address(model, "changelist"))
        if record is not None:
            client.get(address(model, "change", record.pk))
            client.get(address(model, "history", record.pk))

    assert _changes() == before


def _changes() -> list[tuple[str, int]]:
    with unblinded():
        return [
            (history._meta.label, history._base_manager.count()) for history in TRACKED.values()
        ]


def test_the_policy_of_every_page_allows_nothing_inline(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))

    response = client.get(address(Patient, "changelist"))

    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "<style" not in response.content.decode()
    assert " style=" not in response.content.decode()


def test_protected_rows_are_not_listed_nor_named_for_the_blinded(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    for model, model_admin in site._registry.items():
        if isinstance(model_admin, ProtectedAdmin):
            assert client.get(address(model, "changelist")).status_code == 403
    index = client.get(reverse("admin:index")).content.decode()
    assert "Allocations" not in index


def test_the_search_box_finds_a_date_by_its_beginning(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    model = next(model for model in MODELS if model._meta.label == "patients.VitalSign")

    found = client.get(address(model, "changelist"), {"q": "2013-05"}).context["cl"].result_count
    other = client.get(address(model, "changelist"), {"q": "2014"}).context["cl"].result_count

    assert (found, other) == (4, 0)


def test_a_stranger_is_sent_to_the_sign_in_page(world: worlds.World) -> None:
    response = Client().get(address(Patient, "changelist"))

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_what_came_outside_consent_is_sealed_from_display(world: worlds.World) -> None:
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        reports = [
            EproReport.objects.create(
                patient=patient,
                site=patient.site,
                submission_id=uuid7(),
                instrument_code="daily-diary",
                instrument_version="1.0",
                authored_at=now(),
                received_at=now(),
                disposition=disposition,
                raw=b"{}",
                digest=hashlib.sha256(b"{}").digest(),
            )
            for disposition in ("accepted", "outside_consent")
        ]
        readings = [
            VitalSign.objects.create(
                patient=patient,
                site=patient.site,
                report=report,
                code="pulse_rate",
                value=60,
                unit="/min",
                received_at=now(),
            )
            for report in reports
        ]
    client = worlds.signed_in(world.person("inspector"))

    for model, rows in ((EproReport, reports), (VitalSign, readings)):
        statuses = [client.get(address(model, "change", row.pk)).status_code for row in rows]
        assert statuses == [200, 404]
    listed = client.get(address(VitalSign, "changelist"), {"code__exact": "pulse_rate"})
    assert listed.context["cl"].result_count == 1


def test_nobody_is_offered_a_way_to_look_up_any_record_by_type(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    asked = {"app_label": "patients", "model_name": "vitalsign", "field_name": "patient"}

    assert client.get("/admin/autocomplete/", asked).status_code == 404
    assert client.get("/admin/r/1/1/").status_code == 404


def test_a_key_is_hovered_and_found_as_a_whole(world: worlds.World) -> None:
    """The list cuts it by its style alone."""
    patient, sent = world.patients[0], [uuid7(), uuid7()]
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        for body, submission in zip((b"{}", b"[]"), sent, strict=True):
            QuarantinedSubmission.objects.create(
                patient=patient,
                trial=patient.trial,
                site=patient.site,
                resource="epro_report",
                reason="refused",
                submission_id=submission,
                raw=body,
                digest=hashlib.sha256(body).digest(),
                received_at=now(),
                recorded_by_id=SYSTEM_ACCOUNT,
                recorded_through=uuid7(),
            )
    coordinator = world.person("study_coordinator", "site", patient.site.pk)
    where = address(QuarantinedSubmission, "changelist")
    page = worlds.signed_in(coordinator).get(where, {"q": str(sent[0])})

    assert [row.submission_id for row in page.context["cl"].result_list] == [sent[0]]
    shown = f'<code class="key" title="{sent[0]}">{sent[0]}</code>'
    assert shown in page.content.decode()
