"""The live wall and the vital signs behind it, as clinicians and monitors see them."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import PATIENCE_MS
from tests.journeys.portal import Portal
from tests.journeys.visitor import PHONE, Visit, assert_accessible

LIVE = ("web", "live", "relay", "worker")
TILES = "/api/v1/wall/tiles/"
RECORD = """
from patients.models import Patient
from patients.services.vital_signs import record_vital_sign
from portal.accounts.models import User
from portal.core import clock
from portal.core.partial_dates import parse
now = clock.now()
patient = Patient.objects.filter(site__code="01").order_by("subject_number")[1]
record_vital_sign(patient=patient, code="heart_rate", by=User.objects.get(username="doctor"),
    facts={"original_value": "147", "original_unit": "/min", "measured": parse(now.isoformat())},
    at=now, reason="journey")
print(patient.subject_number)
"""


# No time is infinite: the database takes it, and no program of ours can read the row.
SPOIL = """
from django.db import connection
from patients.models import Patient, VitalSign
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
patient = Patient.objects.filter(site__code="01").order_by("subject_number")[2]
rows = VitalSign.objects.filter(patient=patient, code="temperature", status="final")
row = rows.order_by("-measured_earliest", "-id")[0]
with acting(by=SYSTEM_ACCOUNT, reason="journey"), connection.cursor() as cursor:
    cursor.execute("UPDATE patients_vitalsign SET received_at = 'infinity' WHERE id = %s", [row.pk])
print(patient.subject_number)
"""
MEND = """
from django.db import connection
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
with acting(by=SYSTEM_ACCOUNT, reason="journey"), connection.cursor() as cursor:
    cursor.execute(
        "UPDATE patients_vitalsign SET received_at = now() WHERE received_at = 'infinity'")
"""


def wall(page: Page) -> Any:
    return page.get_by_role("list", name="Patients, by risk")


def test_doctor_sees_a_value_arrive(visit: Visit, portal: Portal) -> None:
    portal.ensure(*LIVE)
    page = visit().sign_in("doctor", path="/sign-in?next=/wall")
    expect(wall(page).get_by_role("listitem").first).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_text("Not for monitoring or emergency decisions")).to_be_visible()
    subject = portal.manage("shell", "-c", RECORD).split()[-1]
    page.get_by_label("Subject number").fill(subject)
    tile = wall(page).get_by_role("listitem").filter(has_text=subject)
    expect(tile).to_contain_text("147", timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(f"q={subject}"))
    assert_accessible(page)
    # Enter opens, and the chart has its table.
    tile.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=subject)).to_be_visible()
    chart = page.get_by_role("group", name="Chart of Heart rate")
    chart.focus()
    page.keyboard.press("End")
    expect(chart.get_by_role("status")).to_contain_text("147 /min")
    page.get_by_role("button", name="Show table").first.click()
    expect(page.get_by_role("cell", name="147").first).to_be_visible()
    assert_accessible(page)


def test_value_that_nobody_can_read_is_named_on_its_tile_alone(
    visit: Visit, portal: Portal
) -> None:
    portal.ensure("web")
    subject = portal.manage("shell", "-c", SPOIL).split()[-1]
    try:
        page = visit().sign_in("doctor", path="/sign-in?next=/wall")
        tiles = wall(page).get_by_role("listitem")
        expect(tiles.first).to_be_visible()
        others = tiles.filter(has_not_text="unreadable").filter(has_text="RR")
        expect(others.first).to_be_visible()
        page.get_by_label("Subject number").fill(subject)
        expect(tiles).to_have_count(1)
        expect(tiles.get_by_title("Stored, but cannot be shown")).to_be_visible()
        expect(tiles.locator(".cell", has_text="Temp")).to_contain_text("?")
        assert_accessible(page)
    finally:
        portal.manage("shell", "-c", MEND)


def test_cra_sees_how_data_flow_and_no_value(visit: Visit, portal: Portal) -> None:
    portal.ensure("web")
    visitor = visit()
    told: list[str] = []
    visitor.context.on("request", lambda request: told.append(request.url))
    page = visitor.sign_in("cra", path="/sign-in?next=/wall")
    page.get_by_role("link", name="Site 02").click()
    first = wall(page).get_by_role("listitem").first
    expect(first).to_contain_text("Received")
    expect(first).to_contain_text("Missing")
    expect(wall(page).get_by_text("mmHg")).to_have_count(0)
    assert not [url for url in told if TILES in url or "/vitals/" in url]
    assert_accessible(page)


def test_another_site_is_not_there(visit: Visit, portal: Portal) -> None:
    portal.ensure("web")
    visitor = visit()
    visitor.expects(404, TILES)
    other = portal.manage(
        "shell",
        "-c",
        "from trials.models import Site; print(Site.objects.get(code='05').pk)",
    ).split()[-1]
    page = visitor.sign_in("doctor", path=f"/sign-in?next=/wall/site/{other}")
    expect(page.get_by_role("heading", name="There is nothing here for you")).to_be_visible()


def test_who_watches_nobody_is_told_so(visit: Visit) -> None:
    page = visit().sign_in("admin", path="/sign-in?next=/wall")
    expect(page.get_by_role("heading", name="You cannot see this")).to_be_visible()


def test_old_values_say_so_and_lose_their_color(visit: Visit, portal: Portal) -> None:
    portal.ensure("web")
    page = visit().sign_in("doctor", path="/sign-in?next=/wall")
    expect(wall(page).get_by_text(re.compile(r"\bold$")).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_network_everything_is_grey_on_a_phone(
    visit: Visit, portal: Portal, scheme: str
) -> None:
    portal.ensure(*LIVE)
    visitor = visit(viewport=PHONE, color_scheme=scheme)
    page = visitor.sign_in("doctor", path="/sign-in?next=/wall")
    expect(wall(page).get_by_role("listitem").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    visitor.go_offline()
    page.evaluate("() => dispatchEvent(new Event('offline'))")
    expect(page.get_by_text("All values are grey")).to_be_visible()
    expect(wall(page).locator("article.dead").first).to_be_visible()
    assert_accessible(page)


def test_filters_that_hide_everybody_say_what_to_do(visit: Visit, portal: Portal) -> None:
    portal.ensure("web")
    page = visit().sign_in("doctor", path="/sign-in?next=/wall?q=nobody")
    expect(page.get_by_role("heading", name="No patient matches these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").first.click()
    expect(wall(page).get_by_role("listitem").first).to_be_visible()


def test_wall_that_cannot_be_read_gives_the_number_to_quote(visit: Visit, portal: Portal) -> None:
    portal.ensure("web")
    visitor = visit()
    visitor.expects(500, TILES)
    page = visitor.open("/sign-in?next=/wall")
    body = json.dumps({"status": 500, "code": "error", "title": "t", "detail": "d"})
    page.route(
        f"**{TILES}*",
        lambda route: route.fulfill(
            status=500,
            body=body,
            content_type="application/problem+json",
            headers={"X-Request-Id": "r-123"},
        ),
    )
    page.get_by_label("User name", exact=True).fill("doctor")
    page.get_by_label("Password", exact=True).fill("portal-demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("r-123")).to_be_visible()
