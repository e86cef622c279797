"""The inbox of a monitor: what arrives while it is open, what waited, and saying "I have it"."""

import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.portal import Portal
from tests.journeys.visitor import PHONE, Visit, assert_accessible

_TELL = """
import json, sys
from django.db import transaction
from portal.accounts.models import User
from portal.core import clock
from portal.core.ids import uuid7
from portal.notices.kinds import NoticeKind
from portal.notices.services.telling import About, tell
person = User.objects.get(username=sys.argv[1])
for number in json.loads(sys.argv[2]):
    with transaction.atomic():
        tell(
            kind=NoticeKind.REPORT_READY,
            about=About(resource="report", record=uuid7(), number=number),
            people=[person.pk],
            at=clock.now(),
        )
"""


@pytest.fixture
def inbox_portal(portal: Portal) -> Portal:
    """The portal with all that brings a notice to an open screen."""
    portal.ensure("web", "relay", "worker", "live")
    return portal


def tell(portal: Portal, name: str, count: int, word: str) -> list[str]:
    """Tell somebody of reports that are ready; return their numbers."""
    numbers = [f"{word}-{uuid4().hex[:6]}" for _ in range(count)]
    portal.run_script(_TELL, name, json.dumps(numbers))
    return numbers


def row(page: Page, number: str):
    return page.get_by_role("row").filter(has_text=number)


def test_notice_arrives_in_the_open_inbox_and_is_acknowledged_with_a_comment(
    visit: Visit, inbox_portal: Portal
) -> None:
    page = visit().sign_in("cra2", path="/sign-in?next=/inbox")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    (number,) = tell(inbox_portal, "cra2", 1, "LIVE")

    expect(row(page, number)).to_be_visible()
    assert_accessible(page)
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    row(page, number).get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog", name="Acknowledge")
    dialog.get_by_label("Comment").fill("I read it this morning")
    assert_accessible(page)
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(dialog).to_be_hidden()
    expect(row(page, number)).to_be_hidden()

    page.get_by_role("link", name="Acknowledged").click()
    expect(row(page, number)).to_contain_text("I read it this morning")


def test_after_a_while_offline_every_missed_notice_is_there_once(
    visit: Visit, inbox_portal: Portal
) -> None:
    visitor = visit()
    page = visitor.sign_in("cra2", path="/sign-in?next=/inbox")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    visitor.go_offline()
    missed = tell(inbox_portal, "cra2", 5, "NIGHT")
    visitor.go_offline(False)

    for number in missed:
        expect(row(page, number)).to_have_count(1)


def test_several_are_acknowledged_with_one_comment(visit: Visit, inbox_portal: Portal) -> None:
    numbers = tell(inbox_portal, "cra2", 3, "BULK")
    page = visit().sign_in("cra2", path="/sign-in?next=/inbox?search=BULK-")
    for number in numbers[:2]:
        row(page, number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Acknowledge with one comment").click()
    dialog = page.get_by_role("dialog", name="Acknowledge 2 notices")
    dialog.get_by_label("Comment").fill("Both read")
    dialog.get_by_role("button", name="Acknowledge", exact=True).click()

    expect(row(page, numbers[0])).to_be_hidden()
    expect(row(page, numbers[1])).to_be_hidden()
    expect(row(page, numbers[2])).to_be_visible()


def test_row_opens_by_keyboard_and_says_what_was_sent(visit: Visit, inbox_portal: Portal) -> None:
    (number,) = tell(inbox_portal, "cra2", 1, "KEY")
    page = visit().sign_in("cra2", path=f"/sign-in?next=/inbox?search={number}")
    row(page, number).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile(number))
    expect(dialog).to_contain_text("Sent is not reached")
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_notice_of_somebody_else_is_not_found(visit: Visit, inbox_portal: Portal) -> None:
    visitor = visit()
    nobody = "0198c0de-0000-7000-8000-000000000000"
    visitor.expects(404, f"/api/v1/notifications/{nobody}/")
    page = visitor.sign_in("cra2")
    page.goto(f"{visitor.url}/inbox/{nobody}")
    expect(page.get_by_text("There is nothing here for you")).to_be_visible()


def test_inbox_reads_well_on_a_phone_in_chinese(visit: Visit, inbox_portal: Portal) -> None:
    (number,) = tell(inbox_portal, "cra2", 1, "PHONE")
    visitor = visit(viewport=PHONE, color_scheme="dark", locale="zh-CN")
    page = visitor.open("/sign-in?next=/inbox")
    page.get_by_label("用户名").fill("cra2")
    page.get_by_label("密码", exact=True).fill("portal-demo")
    page.get_by_role("button", name="登录", exact=True).click()
    expect(row(page, number)).to_be_visible()
    assert_accessible(page)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
