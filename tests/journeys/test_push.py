"""A browser that is told while no page of the portal is open: signed up, told, and left alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.portal import Portal
from tests.journeys.visitor import PHONE, Visit, Visitor, assert_accessible

SETTINGS = "/sign-in?next=/inbox/settings"
ALLOWED = "notifications"
NOTICE = "0193b1d2-7c3a-7000-8000-000000000001"
# Chromium asks its vendor's push service for an address. No test machine reaches that service, and
# a private window is refused one: so the page gets an address of a service that is not there.
# Everything else is real: permission, worker, registration, and what the portal keeps.
_ADDRESS_WITHOUT_A_SERVICE = """
(() => {
  const text = (raw) => btoa(String.fromCharCode(...new Uint8Array(raw)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  self.asked = [];
  self.host = self.host ?? 'push.example';
  PushManager.prototype.getSubscription = async () => null;
  PushManager.prototype.subscribe = async (options) => {
    self.asked.push(options);
    const pair = await crypto.subtle.generateKey(
      {name: 'ECDH', namedCurve: 'P-256'}, true, ['deriveBits']);
    const point = text(await crypto.subtle.exportKey('raw', pair.publicKey));
    const auth = text(crypto.getRandomValues(new Uint8Array(16)));
    const endpoint = `https://${self.host}/send/${auth}`;
    self.endpoint = endpoint;
    return {
      toJSON: () => ({endpoint, expirationTime: null, keys: {p256dh: point, auth}}),
      unsubscribe: async () => { self.endpoint = null },
    };
  };
})();
"""
_SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({title, body, tag, data}) => ({title, body, tag, data}));
}"""

# What a push service does that gives an address up; nobody else can make such an event.
_CHANGED = """async (oldSubscription) => {
  const waits = [];
  const event = Object.assign(new ExtendableEvent('pushsubscriptionchange'), {oldSubscription});
  event.waitUntil = (promise) => waits.push(promise);
  self.dispatchEvent(event);
  await Promise.all(waits);
}"""


@pytest.fixture(autouse=True)
def web(portal: Portal) -> None:
    """The portal's pages alone."""
    portal.ensure("web")


def allowing(visit: Visit, **options: Any) -> Visitor:
    """Somebody who allows notifications, with a push service of nobody."""
    visitor = visit(permissions=[ALLOWED], **options)
    visitor.context.add_init_script(_ADDRESS_WITHOUT_A_SERVICE)
    return visitor


def here(page: Page) -> Any:
    return page.get_by_role("region", name="Browsers with push messages")


@pytest.fixture
def signed_up(visit: Visit) -> Iterator[Page]:
    """A browser that is signed up, and signed off afterwards."""
    page = allowing(visit).sign_in("cra2", path=SETTINGS)
    here(page).get_by_role("button", name="Notify this browser").click()
    stop = here(page).get_by_role("button", name="Stop on this browser")
    expect(stop).to_be_visible()
    yield page
    stop.click()
    expect(here(page).get_by_role("button", name="Notify this browser")).to_be_visible()


def test_a_browser_signs_up_and_off(visit: Visit) -> None:
    page = allowing(visit).sign_in("cra2", path=SETTINGS)
    part = here(page)
    expect(part.get_by_role("status")).to_contain_text("Off")
    assert_accessible(page)
    part.get_by_role("button", name="Notify this browser").focus()
    page.keyboard.press("Enter")

    expect(part.get_by_role("status")).to_contain_text("On")
    expect(part.get_by_role("listitem")).to_contain_text("push.example")
    assert_accessible(page)
    (asked,) = page.evaluate("() => self.asked")
    assert asked["userVisibleOnly"] is True
    assert len(asked["applicationServerKey"]) == 87  # 65 bytes in base64url
    scope = page.evaluate("async () => (await navigator.serviceWorker.ready).scope")
    assert scope == page.evaluate("() => location.origin + '/'")

    page.reload()
    expect(part.get_by_role("status")).to_contain_text("On")
    part.get_by_role("button", name="Stop on this browser").click()
    expect(part.get_by_role("status")).to_contain_text("Off")
    expect(part.get_by_role("listitem")).to_have_count(0)


def test_signing_out_ends_it(visit: Visit) -> None:
    visitor = allowing(visit)
    page = visitor.sign_in("cra2", path=SETTINGS)
    here(page).get_by_role("button", name="Notify this browser").click()
    expect(here(page).get_by_role("status")).to_contain_text("On")
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Sign out", exact=True).click()
    expect(page.get_by_label("User name", exact=True)).to_be_visible()

    again = visitor.sign_in("cra2", path=SETTINGS)
    expect(here(again).get_by_role("status")).to_contain_text("Off")
    expect(here(again).get_by_role("listitem")).to_have_count(0)


def test_a_push_is_shown_in_general_words_and_once_for_each_notice(signed_up: Page) -> None:
    told = {"id": NOTICE, "about": NOTICE, "title": "You have a message"}
    push = pusher(signed_up)
    push(json.dumps(told))
    push(json.dumps({**told, "body": "S-0107", "data": "S-0107"}))
    push("not what the portal sends")

    signed_up.wait_for_function(f"async () => (await ({_SHOWN})()).length === 2")
    shown = signed_up.evaluate(_SHOWN)
    assert sorted(shown, key=lambda one: one["tag"]) == [
        {"title": "You have a message", "body": "", "tag": NOTICE, "data": None},
        {"title": "You have a message", "body": "", "tag": "message", "data": None},
    ]


def pusher(page: Page) -> Any:
    """Return what delivers a push to the page's worker, as a push service does."""
    devtools = page.context.new_cdp_session(page)
    registrations: list[dict[str, Any]] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registrations.extend(told["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    origin = page.evaluate("() => location.origin")

    def push(text: str) -> None:
        devtools.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": origin,
                "registrationId": registrations[-1]["registrationId"],
                "data": text,
            },
        )

    return push


def test_pressing_a_notification_leads_to_the_inbox(signed_up: Page) -> None:
    (worker,) = signed_up.context.service_workers
    press = """async (from) => {
      const calls = [];
      const matchAll = self.clients.matchAll.bind(self.clients);
      self.clients.matchAll = async (options) =>
        (await matchAll(options)).map(({url}) => ({url, focus: async () => calls.push('focus')}));
      // Only a press by hand may open a tab, and nobody presses here.
      self.clients.openWindow = async (address) => calls.push(address);
      await self.registration.showNotification('x', {tag: 'pressed'});
      const [notification] = await self.registration.getNotifications({tag: 'pressed'});
      const waits = [];
      const event = new NotificationEvent('notificationclick', {notification});
      event.waitUntil = (promise) => waits.push(promise);
      self.dispatchEvent(event);
      await Promise.all(waits);
      const left = await self.registration.getNotifications({tag: 'pressed'});
      return [calls, left.length];
    }"""
    assert worker.evaluate(press) == [["/inbox"], 0]


@pytest.mark.parametrize("is_said", [True, False])
def test_a_browser_whose_address_changed_by_itself_goes_on_being_told(
    signed_up: Page, is_said: bool
) -> None:
    """Whether or not the browser says which address it had before."""
    (worker,) = signed_up.context.service_workers
    before = {"endpoint": signed_up.evaluate("() => self.endpoint")} if is_said else None
    worker.evaluate("() => { self.host = 'moved.example' }")
    worker.evaluate(_ADDRESS_WITHOUT_A_SERVICE)
    worker.evaluate(_CHANGED, before)

    signed_up.reload()
    expect(here(signed_up).get_by_role("listitem")).to_have_count(1)
    expect(here(signed_up).get_by_role("listitem")).to_contain_text("moved.example")
    expect(here(signed_up).get_by_role("status")).to_contain_text("On")


def test_a_browser_that_nobody_is_told_by_is_not_signed_up_by_a_change(visit: Visit) -> None:
    page = allowing(visit).sign_in("cra2", path=SETTINGS)
    here(page).get_by_role("button", name="Notify this browser").click()
    here(page).get_by_role("button", name="Stop on this browser").click()
    expect(here(page).get_by_role("status")).to_contain_text("Off")
    (worker,) = page.context.service_workers
    worker.evaluate(_ADDRESS_WITHOUT_A_SERVICE)
    worker.evaluate(_CHANGED, {"endpoint": page.evaluate("() => self.endpoint")})

    assert worker.evaluate("() => self.endpoint") is None
    page.reload()
    expect(here(page).get_by_role("listitem")).to_have_count(0)


def test_where_the_reader_blocks_notifications_it_says_how_to_allow_them(visit: Visit) -> None:
    page = visit().sign_in("cra2", path=SETTINGS)
    set_permission(page, "denied")
    status = here(page).get_by_role("status")
    expect(status).to_contain_text("Blocked")
    expect(status).to_contain_text("allow notifications")
    expect(here(page).get_by_role("button", name="Notify this browser")).to_have_count(0)
    assert_accessible(page)

    set_permission(page, "granted")
    expect(status).to_contain_text("Off")


def set_permission(page: Page, setting: str) -> None:
    """Choose in the browser's own settings."""
    devtools = page.context.browser.new_browser_cdp_session()
    target = page.context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]
    devtools.send(
        "Browser.setPermission",
        {
            "permission": {"name": "notifications"},
            "setting": setting,
            "origin": page.evaluate("() => location.origin"),
            "browserContextId": target["browserContextId"],
        },
    )


def test_a_browser_without_web_push_is_told_so(visit: Visit) -> None:
    visitor = visit()
    visitor.context.add_init_script("delete window.PushManager")
    page = visitor.sign_in("cra2", path=SETTINGS)
    expect(here(page).get_by_role("status")).to_contain_text("Not possible here")
    expect(here(page).get_by_role("button")).to_have_count(0)
    assert_accessible(page)


def test_a_push_service_out_of_reach_is_said_and_tried_again(visit: Visit) -> None:
    visitor = allowing(visit)
    visitor.context.add_init_script(
        """
        const reached = PushManager.prototype.subscribe;
        PushManager.prototype.subscribe = async function (options) {
          if (!window.isReached) throw new DOMException('out of reach', 'AbortError');
          return reached.call(this, options);
        };
        """
    )
    page = visitor.sign_in("cra2", path=SETTINGS)
    button = here(page).get_by_role("button", name="Notify this browser")
    button.click()
    expect(here(page).get_by_text("push service does not answer")).to_be_visible()
    assert_accessible(page)
    page.evaluate("() => { window.isReached = true }")
    button.click()
    expect(here(page).get_by_role("button", name="Stop on this browser")).to_be_visible()
    here(page).get_by_role("button", name="Stop on this browser").click()
    expect(button).to_be_visible()


def test_it_reads_well_on_a_phone_in_chinese(visit: Visit) -> None:
    visitor = allowing(visit, viewport=PHONE, color_scheme="dark", locale="zh-CN")
    page = visitor.open(SETTINGS)
    page.get_by_label("用户名").fill("cra2")
    page.get_by_label("密码", exact=True).fill("portal-demo")
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.get_by_role("button", name="向此浏览器推送")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
