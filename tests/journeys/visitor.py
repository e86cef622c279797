"""A person at a browser, and what they must never meet: errors of console, page and policy."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, expect

from portal.demo_accounts import DEMO_PASSWORD

AXE = Path(__file__).parent / "axe" / "axe.min.js"
DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
ANYWHERE = "*"
# Asked for while a session ends, it is refused: no trouble, the page is on its way out.
_AT_THE_END = (401, "/api/v1/live/tickets/")
# Violations of these weights fail a journey.
SERIOUS = frozenset({"serious", "critical"})
_WATCH_CSP = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Visitor:
    """One browser context: its tabs share cookies and storage, as one person's do."""

    context: BrowserContext
    url: str
    troubles: list[str] = field(default_factory=list)
    # Refusals that are part of the journey: the browser notes each in its console.
    expected: set[tuple[int, str]] = field(default_factory=lambda: {_AT_THE_END})
    is_offline: bool = False

    def __post_init__(self) -> None:
        self.context.add_init_script(_WATCH_CSP)
        self.context.add_init_script(path=AXE)
        self.context.on("page", self._watch)

    def expects(self, status: int, path: str) -> None:
        """Say that the portal will refuse a call; any other refusal fails the journey."""
        self.expected.add((status, path))

    def open(self, path: str = "/") -> Page:
        """Open a tab at an address of the portal."""
        page = self.context.new_page()
        page.goto(self.url + path)
        return page

    def sign_in(self, name: str, path: str = "/sign-in", password: str = DEMO_PASSWORD) -> Page:
        """Open a tab and sign in there as somebody of the demo."""
        page = self.open(path)
        fill_in(page, name, password)
        expect(account(page)).to_be_visible()
        return page

    def go_offline(self, offline: bool = True) -> None:
        """Pull the plug, or put it back; calls that fail meanwhile are no trouble."""
        self.is_offline = self.is_offline or offline
        self.context.set_offline(offline)

    def _watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        address = message.location.get("url", "")
        if "Failed to load resource: the server responded" in message.text:
            return  # judged by its response
        if self.is_offline and (
            "ERR_INTERNET_DISCONNECTED" in message.text or "WebSocket" in message.text
        ):
            return
        self.troubles.append(f"console {message.type}: {message.text} ({address})")

    def _see(self, response: Response) -> None:
        path = response.url.removeprefix(self.url).partition("?")[0]
        told = {(response.status, path), (response.status, ANYWHERE)}
        if response.status >= 400 and not told & self.expected:
            self.troubles.append(f"{response.status} {response.request.method} {path}")


Visit = Callable[..., Visitor]


def fill_in(page: Page, name: str, password: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("User name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def account(page: Page) -> Any:
    """Return the button of the person who is signed in."""
    return page.get_by_role("button", name="Account of")


def assert_accessible(page: Page) -> None:
    """Hold the page to axe: nothing serious or worse."""
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    serious = [
        {
            "rule": violation["id"],
            "why": violation["help"],
            "where": [node["target"] for node in violation["nodes"]][:5],
        }
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
    ]
    assert not serious, json.dumps(serious, indent=2)
