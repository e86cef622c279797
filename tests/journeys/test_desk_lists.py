"""The desk's lists at a laptop's width and less: every column can be reached, filters at hand."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.visitor import PHONE, Visit, assert_accessible

EVENTS = "/admin/events/adverseevent/"
TABLET = {"width": 1024, "height": 768}


def at_the_desk(visit: Visit, name: str, path: str, **options: Any) -> Page:
    page = visit(**options).open(f"/admin/login/?next={path}")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill("portal-demo")
    page.get_by_role("button").click()
    expect(page.locator("#content h1")).to_be_visible()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_last_column_of_a_wide_list_is_reached_by_keyboard(visit: Visit, scheme: Any) -> None:
    page = at_the_desk(visit, "doctor", EVENTS, color_scheme=scheme, viewport=TABLET)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= TABLET["width"]
    assert_accessible(page)
    last = page.locator("#result_list thead th").last
    first = page.locator("#result_list tbody th").first
    expect(last).not_to_be_in_viewport(ratio=1)
    page.get_by_role("region", name="Adverse events").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    expect(last).to_be_in_viewport(ratio=0.9)
    expect(first).to_be_in_viewport(ratio=0.9)  # whose row it is stays in sight


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_adverse_events_fit_a_laptop(visit: Visit, language: str) -> None:
    page = at_the_desk(visit, "doctor", EVENTS, locale=language)
    first, *_rest, last = page.locator("#result_list tbody tr").first.locator("th, td").all()
    expect(first).to_be_in_viewport(ratio=1)
    expect(last).to_be_in_viewport(ratio=1)
    assert_accessible(page)


def test_filters_open_by_keyboard_and_say_which_are_in_use(visit: Visit) -> None:
    page = at_the_desk(visit, "doctor", EVENTS)
    filters = page.get_by_role("navigation", name="Filter")
    expect(filters.get_by_role("link", name="Mild")).to_be_hidden()
    filters.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert_accessible(page)
    filters.get_by_role("link", name="Mild").click()
    expect(filters.locator("summary").first).to_contain_text("Severity: Mild")
    expect(filters.get_by_role("link", name="Moderate")).to_be_visible()  # they stay open
    filters.get_by_role("link", name="Clear all filters").click()
    expect(filters.locator("summary").first).not_to_contain_text("Mild")


def test_a_list_fits_a_phone(visit: Visit) -> None:
    page = at_the_desk(visit, "doctor", EVENTS, viewport=PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert_accessible(page)
