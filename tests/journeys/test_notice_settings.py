"""How somebody is told and who stands in for them, said in the workbench."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.portal import Portal
from tests.journeys.visitor import PHONE, Visit, assert_accessible

SETTINGS = "/sign-in?next=/inbox/settings"


@pytest.fixture(autouse=True)
def web(portal: Portal) -> None:
    """The portal's pages alone."""
    portal.ensure("web")


def told(page: Page):
    return page.get_by_role("region", name="How I am told")


def away(page: Page):
    return page.get_by_role("region", name="When I am away")


def test_quiet_hours_are_saved_and_there_after_a_reload(visit: Visit) -> None:
    page = visit().sign_in("cra2", path="/sign-in?next=/inbox")
    page.get_by_role("link", name="My notices").click()
    expect(page.get_by_role("heading", name="My notices")).to_be_visible()
    told(page).get_by_label("Send me nothing at night").check()
    told(page).get_by_label("From").fill("21:30")
    told(page).get_by_label("Until").fill("06:15")
    told(page).get_by_label("Time zone").select_option("Europe/Paris")
    told(page).get_by_label("E-mail").uncheck()
    assert_accessible(page)
    told(page).get_by_role("button", name="Save").click()
    expect(told(page).get_by_role("status")).to_have_text("Saved")

    page.reload()
    expect(told(page).get_by_label("From")).to_have_value("21:30")
    expect(told(page).get_by_label("Time zone")).to_have_value("Europe/Paris")
    expect(told(page).get_by_label("E-mail")).not_to_be_checked()


def test_an_absence_names_a_deputy_and_is_ended(visit: Visit) -> None:
    visitor = visit()
    visitor.expects(400, "/api/v1/absences/")
    page = visitor.sign_in("cra2", path=SETTINGS)
    form = away(page)
    form.get_by_role("button", name="Record the absence").click()
    expect(form.get_by_text("Write the user name of whoever stands in.")).to_be_visible()
    form.get_by_label("Who stands in").fill("nobody-of-that-name")
    form.get_by_role("button", name="Record the absence").click()
    expect(form.get_by_text("There is no other active account")).to_be_visible()
    assert_accessible(page)

    form.get_by_label("Who stands in").fill("cra")
    form.get_by_role("button", name="Record the absence").click()
    mine = form.get_by_role("listitem").filter(has_text="stands in for you")
    expect(mine).to_contain_text("Now")
    mine.get_by_role("button", name="I am back").click()
    expect(mine).to_contain_text("Over")
    assert_accessible(page)


def test_without_a_connection_what_is_typed_stays(visit: Visit) -> None:
    visitor = visit()
    page = visitor.sign_in("cra2", path=SETTINGS)
    told(page).get_by_label("Summary at").fill("09:45")
    visitor.go_offline()
    told(page).get_by_role("button", name="Save").click()
    expect(told(page).get_by_role("status").first).to_be_visible()
    expect(told(page).get_by_label("Summary at")).to_have_value("09:45")
    visitor.go_offline(False)
    told(page).get_by_role("button", name="Save").click()
    expect(told(page).get_by_text("Saved")).to_be_visible()


def test_choices_of_this_browser_are_made_by_keyboard(visit: Visit) -> None:
    page = visit().sign_in("cra2", path=SETTINGS)
    badge = page.get_by_label("Number of open notices in the title of the tab")
    expect(badge).to_be_checked()
    badge.focus()
    page.keyboard.press("Space")
    expect(badge).not_to_be_checked()
    page.reload()
    expect(badge).not_to_be_checked()


def test_the_settings_read_well_on_a_phone_in_chinese(visit: Visit) -> None:
    page = visit(viewport=PHONE, color_scheme="dark", locale="zh-CN").open(SETTINGS)
    page.get_by_label("用户名").fill("cra2")
    page.get_by_label("密码", exact=True).fill("portal-demo")
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.get_by_role("heading", name="我的通知")).to_be_visible()
    expect(page.get_by_label("代理人")).to_be_visible()
    assert_accessible(page)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
