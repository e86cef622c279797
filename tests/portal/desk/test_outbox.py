"""Deliveries in the desk: administrators decide with a reason; nobody else sees them."""

from uuid import uuid4

import pytest

from portal.audit.models import AuditEntry
from portal.core.clock import now
from portal.outbox.models import OutboxDelivery
from tests.portal.desk import world as worlds
from tests.portal.desk.test_lists import address


@pytest.fixture
def dead() -> OutboxDelivery:
    return OutboxDelivery.objects.create(
        message_id=uuid4(), kind="report.received", version=1, handler="patients.handlers.x",
        lane=1, resource="epro_report", record_id=uuid4(), ordering_key=uuid4(), payload={},
        state="dead", attempts=8, finished_at=now(), last_error="ValueError at x.py:1",
    )  # fmt: skip


@pytest.mark.parametrize(("decision", "state"), [("retry", "pending"), ("skip", "skipped")])
def test_administrator_decides_with_a_reason(
    world: worlds.World, dead: OutboxDelivery, decision: str, state: str
) -> None:
    client = worlds.signed_in(world.person("system_admin", "portal", None))
    page = address(OutboxDelivery, "change", dead.pk)
    refused = client.post(page, {"decision": decision, "_save": "Save"})
    assert refused.status_code == 200
    dead.refresh_from_db()
    assert dead.state == "dead"

    sent = {"decision": decision, "change_reason": "fixed in 1.2", "_save": "Save"}
    assert client.post(page, sent).status_code == 302
    dead.refresh_from_db()
    assert dead.state == state
    entry = AuditEntry.objects.get(resource="outbox_delivery")
    assert entry.detail["reason"] == "fixed in 1.2"
    assert entry.acted_source == "admin"


def test_list_is_filtered_by_state_and_age(world: worlds.World, dead: OutboxDelivery) -> None:
    client = worlds.signed_in(world.person("system_admin", "portal", None))
    shown = client.get(address(OutboxDelivery, "changelist"), {"state__exact": "dead"})
    assert "report.received" in shown.text
    older = client.get(address(OutboxDelivery, "changelist"), {"older": "3600"})
    assert older.status_code == 200
    assert "report.received" not in older.text


def test_site_staff_see_no_delivery(world: worlds.World, dead: OutboxDelivery) -> None:
    client = worlds.signed_in(world.person("principal_investigator", "site", world.sites[0].pk))
    assert client.get(address(OutboxDelivery, "change", dead.pk)).status_code in (403, 404)
