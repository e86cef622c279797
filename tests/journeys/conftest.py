"""Journeys need Chromium: a must in continuous integration, elsewhere skipped without it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.portal import Portal
from tests.journeys.visitor import DESKTOP, Visit, Visitor

HERE = Path(__file__).parent
PATIENCE_MS = 30_000
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every journey."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; where there is none a journey is skipped, and in CI it fails."""
    found = os.environ.get("PORTAL_CHROMIUM") or shutil.which("chromium")
    if found:
        return found
    why = "no Chromium here: apt-get install chromium, or set PORTAL_CHROMIUM to its path"
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all journeys of the process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def portal(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with the demo; only where there is a browser to see it."""
    portal = Portal(tmp_path_factory.mktemp("journeys"))
    try:
        portal.open()
        yield portal
    finally:
        portal.stop()


@pytest.fixture
def visit(browser: Browser, portal: Portal) -> Iterator[Visit]:
    """Send somebody with a browser of their own; whatever went wrong unseen fails the test."""
    portal.ensure("web")
    visitors: list[Visitor] = []

    def come(**options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE_MS)
        visitors.append(Visitor(context, portal.url))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [trouble for visitor in visitors for trouble in visitor.troubles] == []
