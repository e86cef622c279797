"""What the desk may change, by whom; what nobody changes here; what the history then says."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from events.models import AdverseEvent
from patients.models import Allocation, Patient, VitalSign
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core.clock import now
from portal.core.history import TRACKED
from portal.core.ids import SYSTEM_ACCOUNT
from portal.desk.base import ClinicalAdmin
from portal.desk.protected import ProtectedAdmin
from portal.desk.site import site
from tests.portal.desk import world as worlds
from tests.portal.desk.test_lists import address
from trials.models import Assignment, Institution, Site, Sponsor

REASON = {"change_reason": "asked for by the sponsor"}


def _rows(model: Any) -> list[dict[str, Any]]:
    return list(model._base_manager.order_by("pk").values())


@pytest.mark.parametrize("model", [Patient, VitalSign, AdverseEvent])
@pytest.mark.parametrize("role", ["principal_investigator", "data_manager", "system_admin"])
def test_a_crafted_post_cannot_change_a_clinical_row(
    world: worlds.World, model: Any, role: str
) -> None:
    anchor = ("site", world.sites[0].pk) if role == "principal_investigator" else ("portal", None)
    client = worlds.signed_in(world.person(role, *anchor))
    row = model._base_manager.filter(site=world.sites[0]).first()
    before = _rows(model)
    body = {"term": "X", "value": "1", "subject_number": "X", "sex": "M", "_save": "Save", **REASON}

    # Site staff have a form for adverse events: it takes what its service takes, or nothing.
    has_form = model is AdverseEvent and role == "principal_investigator"
    for page, args in (("change", [row.pk]), ("add", []), ("delete", [row.pk])):
        refused = (200, 403) if has_form else (403, 404)
        assert client.post(address(model, page, *args), body).status_code in refused
    chosen = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    client.post(address(model, "changelist"), chosen)
    edited = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(row.pk)}
    client.post(address(model, "changelist"), edited | {"form-0-sex": "M", "_save": "Save"})

    assert _rows(model) == before


def test_no_list_offers_to_delete_or_to_edit_in_place() -> None:
    for model, model_admin in site._registry.items():
        assert model_admin.actions is None, model
        assert model_admin.list_editable == (), model
        assert not model_admin.inlines, model
        if isinstance(model_admin, ClinicalAdmin | ProtectedAdmin):
            assert model_admin.change_permission is None, model
            assert model_admin.add_permission is None, model


def test_a_new_site_is_made_by_its_service_with_who_and_why(world: worlds.World) -> None:
    manager = world.person("trial_manager", "trial", world.trials[0].pk)
    client = worlds.signed_in(manager)
    body = {
        "trial": world.trials[0].pk,
        "institution": Institution.objects.get().pk,
        "code": "S9",
        "country": "FRA",
        "time_zone": "Europe/Paris",
    }

    response = client.post(address(Site, "add"), body | REASON)

    assert response.status_code == 302
    made = Site.objects.get(code="S9")
    row = TRACKED[Site]._base_manager.get(pgh_obj_id=made.pk)
    assert (row.acted_by, row.acted_reason) == (manager.pk, REASON["change_reason"])
    assert LogEntry.objects.count() == 0


def test_a_change_without_a_reason_is_sent_back(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("trial_manager", "trial", world.trials[0].pk))

    response = client.post(address(Site, "change", world.sites[0].pk), {"status": "closed"})

    assert response.status_code == 200
    assert response.context["adminform"].errors["change_reason"]
    assert Site.objects.get(pk=world.sites[0].pk).status == "planned"


def test_what_the_service_refuses_comes_back_on_the_form(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("trial_manager", "trial", world.trials[0].pk))

    response = client.post(
        address(Site, "change", world.sites[0].pk), {"status": "on_hold"} | REASON
    )

    assert response.status_code == 200
    assert "cannot become" in response.content.decode()
    assert Site.objects.get(pk=world.sites[0].pk).status == "planned"


def test_a_site_cannot_be_added_to_a_trial_that_one_may_only_see(world: worlds.World) -> None:
    manager = world.person("trial_manager", "trial", world.trials[0].pk)
    world.also(manager, "inspector", "trial", world.trials[1].pk)
    body = {"trial": world.trials[1].pk, "institution": Institution.objects.get().pk, "code": "S9"}

    response = worlds.signed_in(manager).post(address(Site, "add"), body | REASON)

    assert response.status_code == 200
    assert not Site.objects.filter(code="S9").exists()


def test_a_trial_out_of_scope_is_not_a_choice(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("trial_manager", "trial", world.trials[0].pk))
    body = {"trial": world.trials[1].pk, "institution": Institution.objects.get().pk, "code": "S9"}

    response = client.post(address(Site, "add"), body | REASON)

    assert response.context["adminform"].errors["trial"]
    assert not Site.objects.filter(code="S9").exists()


def _assignment(person: User, role: str, **where: Any) -> dict[str, Any]:
    at = now()
    return {
        "person": person.username,
        "role": role,
        "from_at": f"{at:%Y-%m-%dT%H:%M}",
        **where,
        **REASON,
    }


def test_nobody_gives_themselves_a_role(world: worlds.World) -> None:
    admin = world.person("system_admin")

    response = worlds.signed_in(admin).post(
        address(Assignment, "add"), _assignment(admin, "inspector")
    )

    assert response.status_code == 200
    assert not Assignment.objects.exists()


def test_a_sponsor_administrator_gives_no_role_beyond_their_sponsor(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("sponsor_admin", "trial", world.trials[0].pk))
    friend = world.person("cra", "site", world.sites[0].pk)

    for where in ({}, {"trial": world.trials[1].pk}, {"site": world.sites[2].pk}):
        response = client.post(address(Assignment, "add"), _assignment(friend, "cra", **where))
        assert response.status_code == 200, where
    assert not Assignment.objects.exists()

    own = _assignment(friend, "cra", trial=world.trials[0].pk)
    assert client.post(address(Assignment, "add"), own).status_code == 302
    assert Assignment.objects.get().trial == world.trials[0]


@pytest.mark.parametrize(
    "field", ["is_superuser", "is_staff", "groups", "user_permissions", "session_version", "kind"]
)
def test_an_account_form_takes_no_right(world: worlds.World, field: str) -> None:
    client = worlds.signed_in(world.person("system_admin"))
    target = world.person("cra", "site", world.sites[0].pk)
    before = User.objects.filter(pk=target.pk).values(
        "is_superuser", "is_staff", "session_version", "kind"
    )[0]

    client.post(
        address(User, "change", target.pk),
        {"display_name": "Changed", "language": "en", "is_active": "on", field: "1"} | REASON,
    )

    after = User.objects.get(pk=target.pk)
    assert after.display_name == "Changed"
    assert {name: getattr(after, name) for name in before} == before
    assert not after.groups.exists()
    assert not after.user_permissions.exists()


def test_a_service_account_is_given_no_password(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("system_admin"))
    form = {"first_password": "a long enough phrase", "language": "en", "is_active": "on"}

    assert client.post(address(User, "change", SYSTEM_ACCOUNT), form | REASON).status_code == 403


def test_a_deactivated_account_is_out_at_the_next_request(world: worlds.World) -> None:
    admin = worlds.signed_in(world.person("system_admin"))
    target = world.person("inspector")
    browser = worlds.signed_in(target)
    assert browser.get(reverse("admin:index")).status_code == 200

    form = {"display_name": "", "language": "en"} | REASON
    assert admin.post(address(User, "change", target.pk), form).status_code == 302

    assert browser.get(reverse("admin:index")).status_code == 302


def test_the_history_page_tells_old_and_new_who_and_why(world: worlds.World) -> None:
    manager = world.person("trial_manager", "trial", world.trials[0].pk)
    client = worlds.signed_in(manager)
    client.post(address(Site, "change", world.sites[0].pk), {"status": "closed"} | REASON)

    text = client.get(address(Site, "history", world.sites[0].pk)).content.decode()

    for told in ("<del>Planned</del>", "<ins>Closed</ins>", REASON["change_reason"], str(manager)):
        assert told in text


def test_only_the_system_administrator_adds_a_sponsor(world: worlds.World) -> None:
    body = {"name": "Sponsor 9"} | REASON
    manager = worlds.signed_in(world.person("trial_manager"))
    admin = worlds.signed_in(world.person("system_admin"))

    assert manager.post(address(Sponsor, "add"), body).status_code == 403
    assert admin.post(address(Sponsor, "add"), body).status_code == 302
    assert Sponsor.objects.filter(name="Sponsor 9").count() == 1


def test_every_look_at_a_protected_row_is_written_down(world: worlds.World) -> None:
    monitor = world.person("unblinded_monitor")
    client = worlds.signed_in(monitor)
    with unblinded():
        row = Allocation.objects.get()

    client.get(address(Allocation, "changelist"))
    client.get(address(Allocation, "change", row.pk))

    looks = AuditEntry.objects.filter(acted_by=monitor.pk, action="unblinded").order_by("id")
    assert [(look.resource, look.record_id) for look in looks] == [
        ("allocation", None),
        ("allocation", row.pk),
    ]


def test_the_blinded_do_not_see_who_looked_at_what_would_unblind(world: worlds.World) -> None:
    worlds.signed_in(world.person("unblinded_monitor")).get(address(Allocation, "changelist"))
    pages = {
        role: worlds.signed_in(world.person(role)).get(address(AuditEntry, "changelist"))
        for role in ("inspector", "unblinded_safety_officer")
    }

    assert b"allocation" not in pages["inspector"].content
    assert b"allocation" in pages["unblinded_safety_officer"].content


def test_no_page_of_the_blinded_names_the_arm_of_a_patient(world: worlds.World) -> None:
    client = worlds.signed_in(world.person("inspector"))
    patient = world.patients[0]

    for page in ("change", "history"):
        assert b"ZQX7" not in client.get(address(Patient, page, patient.pk)).content
