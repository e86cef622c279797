"""Signing in and out at the workbench, as somebody at a browser does it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.portal import Portal
from tests.journeys.visitor import ANYWHERE, PHONE, Visit, account, assert_accessible, fill_in

TOKEN = "/api/v1/auth/token/"
ACCESS_IN_STORAGE = "() => JSON.stringify({...localStorage, ...sessionStorage}).includes('eyJ')"


def form(page: Page) -> object:
    return expect(page.get_by_label("User name", exact=True))


def test_right_name_and_password_lead_to_where_one_wanted(visit: Visit) -> None:
    page = visit().sign_in("doctor", path="/sign-in")
    expect(page).not_to_have_url(re.compile("sign-in"))
    assert page.evaluate(ACCESS_IN_STORAGE) is False


def test_wrong_password_says_what_to_do_and_keeps_the_name(visit: Visit) -> None:
    visitor = visit()
    visitor.expects(401, TOKEN)
    page = visitor.open("/sign-in")
    fill_in(page, "doctor2", "not this one")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is not right")
    expect(page.get_by_label("User name", exact=True)).to_have_value("doctor2")
    assert_accessible(page)


def test_nothing_typed_asks_for_it_and_sends_nothing(visit: Visit) -> None:
    page = visit().open("/sign-in")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Enter your user name")).to_be_visible()
    expect(page.get_by_label("User name", exact=True)).to_be_focused()


def test_password_can_be_looked_at(visit: Visit) -> None:
    page = visit().open("/sign-in")
    page.get_by_label("Password", exact=True).fill("secret")
    page.get_by_role("button", name="Show the password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")


def test_reload_and_new_tab_need_no_second_sign_in(visit: Visit) -> None:
    visitor = visit()
    page = visitor.sign_in("doctor")
    page.reload()
    expect(account(page)).to_be_visible()
    expect(account(visitor.open("/"))).to_be_visible()


def test_signing_out_in_one_tab_signs_out_the_other(visit: Visit) -> None:
    visitor = visit()
    visitor.expects(401, ANYWHERE)
    first = visitor.sign_in("doctor")
    second = visitor.open("/")
    expect(account(second)).to_be_visible()
    account(first).click()
    first.get_by_role("menuitem", name="Sign out", exact=True).click()
    for page in (first, second):
        expect(page.get_by_text("You have signed out.")).to_be_visible()
    second.reload()
    form(second).to_be_visible()


def test_signing_in_in_one_tab_signs_in_the_other(visit: Visit) -> None:
    visitor = visit()
    waiting = visitor.open("/sign-in")
    form(waiting).to_be_visible()
    visitor.sign_in("doctor")
    expect(account(waiting)).to_be_visible()


def test_page_that_was_asked_for_opens_after_signing_in(visit: Visit) -> None:
    visitor = visit()
    visitor.expects(404, "/no/such/place")
    page = visitor.open("/sign-in?next=/no/such/place")
    fill_in(page, "doctor", "portal-demo")
    expect(page).to_have_url(re.compile("/no/such/place$"))
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


@pytest.mark.parametrize("elsewhere", ["//example.org/", "https://example.org/", "/\\example.org"])
def test_nobody_is_led_elsewhere_after_signing_in(visit: Visit, elsewhere: str) -> None:
    visitor = visit()
    page = visitor.sign_in("doctor", path=f"/sign-in?next={elsewhere}")
    expect(page).to_have_url(re.compile(re.escape(visitor.url)))


def test_idle_person_is_warned_and_may_stay(visit: Visit) -> None:
    visitor = visit()
    page = visitor.context.new_page()
    page.clock.install()
    page.goto(visitor.url + "/sign-in")
    fill_in(page, "doctor", "portal-demo")
    expect(account(page)).to_be_visible()
    page.clock.fast_forward("13:10")
    dialog = page.get_by_role("alertdialog", name="Are you still there?")
    expect(dialog).to_contain_text("Signing out in 1:")
    assert_accessible(page)
    page.get_by_role("button", name="Stay signed in").click()
    expect(dialog).to_be_hidden()
    expect(account(page)).to_be_visible()


def test_idle_person_is_signed_out_at_the_portal_too(visit: Visit) -> None:
    visitor = visit()
    visitor.expects(401, ANYWHERE)
    page = visitor.context.new_page()
    page.clock.install()
    page.goto(visitor.url + "/sign-in")
    fill_in(page, "doctor", "portal-demo")
    expect(account(page)).to_be_visible()
    with page.expect_response("**/api/v1/auth/logout/") as left:
        page.clock.fast_forward("15:05")
    assert left.value.status == 204
    expect(page.get_by_text("You were signed out because nobody used the page")).to_be_visible()


def test_browser_opened_again_after_the_idle_time_lets_nobody_in(visit: Visit) -> None:
    visitor = visit()
    page = visitor.sign_in("doctor")
    page.goto(visitor.url + "/readyz")  # the same storage, and nobody there who looks at the clock
    page.evaluate("() => localStorage.setItem('portal.last-activity', Date.now() - 16 * 60000)")
    page.close()
    with visitor.context.expect_event(
        "response", lambda response: response.url.endswith("/auth/logout/")
    ):
        later = visitor.open("/")
    form(later).to_be_visible()


def test_signing_out_everywhere_ends_the_other_browser(visit: Visit) -> None:
    elsewhere, here = visit(), visit()
    # Whatever a page has asked for when its session ends is refused.
    for visitor in (elsewhere, here):
        visitor.expects(401, ANYWHERE)
    other = elsewhere.sign_in("coordinator")
    page = here.sign_in("coordinator")
    account(page).click()
    page.get_by_role("menuitem", name="Sign out everywhere").click()
    dialog = page.get_by_role("dialog", name="Sign out everywhere")
    assert_accessible(page)
    dialog.get_by_role("button", name="Sign out everywhere").click()
    form(page).to_be_visible()
    elsewhere.expects(401, "/api/v1/auth/token/refresh/")
    other.reload()
    expect(other.get_by_text("Your session was ended")).to_be_visible()


def test_without_a_network_nothing_typed_is_lost(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/sign-in")
    form(page).to_be_visible()
    visitor.go_offline()
    fill_in(page, "doctor", "portal-demo")
    expect(page.get_by_role("alert")).to_contain_text("The portal cannot be reached")
    visitor.go_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(account(page)).to_be_visible()


def test_portal_that_rests_is_tried_again(visit: Visit, portal: Portal) -> None:
    visitor = visit()
    visitor.expects(503, TOKEN)
    page = visitor.open("/sign-in")
    form(page).to_be_visible()
    rest = (
        '{"status": 503, "code": "unavailable", "title": "t", "detail": "d", "type": "about:blank"}'
    )
    page.route(
        "**" + TOKEN,
        lambda route: route.fulfill(status=503, body=rest, content_type="application/problem+json"),
    )
    fill_in(page, "doctor", "portal-demo")
    expect(page.get_by_role("alert")).to_contain_text("resting for a moment")
    page.unroute("**" + TOKEN)
    page.get_by_role("button", name="Try again").click()
    expect(account(page)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_sign_in_is_accessible_in_both_languages_light_and_dark(
    visit: Visit, scheme: str, locale: str
) -> None:
    page = visit(color_scheme=scheme, locale=locale, viewport=PHONE).open("/sign-in")
    expect(page.locator("form")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
