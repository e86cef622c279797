"""Where somebody comes who has no work on these pages."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.visitor import PHONE, Visit, account, assert_accessible


def test_a_patient_is_told_in_their_words_and_never_sent_to_the_desk(visit: Visit) -> None:
    page = visit(viewport=PHONE).sign_in("patient1")
    expect(page.get_by_text("call your study team")).to_be_visible()
    expect(page.get_by_role("link", name="The desk")).to_have_count(0)
    assert_accessible(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    account(page).click()
    expect(page.get_by_role("menuitem", name="Sign out", exact=True)).to_be_visible()
    expect(page.get_by_role("menuitem", name="The desk")).to_have_count(0)


@pytest.mark.parametrize("name", ["admin", "sponsor"])
def test_whoever_works_at_the_desk_finds_the_way_there(visit: Visit, name: Any) -> None:
    page = visit().sign_in(name)
    account(page).click()
    expect(page.get_by_role("menuitem", name="The desk")).to_be_visible()
