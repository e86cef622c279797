"""Letters by e-mail, to real servers that take them, refuse them, hang and hang up."""

import email
import email.policy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.channels.base import Letter, Outcome, send
from portal.notices.channels.breaker import FAILURES, State, breaker_of
from portal.notices.channels.email import NOT_NAMED, RESTS
from tests.portal.notices.channels.servers import Mailbox, mail_server, odd_server

Make = Callable[..., Letter]


@pytest.fixture
def smtp(settings: Any) -> Callable[[int], None]:
    """Send to a server on this port."""

    def use(port: int) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.DEFAULT_FROM_EMAIL = "Portal <portal@trials.example>"

    return use


def read(mail: bytes) -> Any:
    return email.message_from_bytes(mail, policy=email.policy.default)


@pytest.mark.req("F11")
def test_a_letter_has_the_same_message_id_however_often_it_is_sent(smtp: Any, letter: Make) -> None:
    box, one = Mailbox(), letter()
    with mail_server(box) as port:
        smtp(port)
        answers = [send("email", one), send("email", one)]

    assert [answer.outcome for answer in answers] == [Outcome.SENT, Outcome.SENT]
    ids = {read(mail)["Message-ID"] for mail in box.mails}
    assert ids == {f"<{one.id}@trials.example>"} == {answer.message_id for answer in answers}


def test_a_mail_says_it_in_text_and_on_a_page(smtp: Any, letter: Make) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        smtp(port)
        send("email", letter(title="Now\r\nBcc: all@x.example"))

    mail = read(box.mails[0])
    assert mail["Subject"] == "Now Bcc: all@x.example"
    assert mail["Bcc"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    for part in (text, page):
        assert "was reported for S-0107" in part
        assert "https://portal.example/inbox/1" in part
    assert "http" not in page.replace("https://portal.example/inbox/1", "")


def test_what_concerns_safety_cannot_be_unsubscribed_from(smtp: Any, letter: Make) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        smtp(port)
        send("email", letter(urgency="safety"))
        send("email", letter(urgency="routine"))

    safety, routine = map(read, box.mails)
    assert (safety["List-Unsubscribe"], safety["Importance"]) == (None, "high")
    assert routine["List-Unsubscribe"] == "<https://portal.example/>"


def test_text_of_a_letter_is_no_markup(smtp: Any, letter: Make) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        smtp(port)
        send("email", letter(body="<script>alert(1)</script>"))

    assert "<script>" not in read(box.mails[0]).get_body(("html",)).get_content()


@pytest.mark.req("F104")
@pytest.mark.parametrize(
    ("box", "outcome", "said"),
    [
        (Mailbox(rcpt="550 5.1.1 ana@hospital.example unknown"), "refused", "SMTP 550 5.1.1"),
        (Mailbox(rcpt="451 4.7.1 greylisted, try again"), "failed", "SMTP 451 4.7.1"),
        (Mailbox(data="554 5.7.1 no thanks"), "refused", "SMTP 554 5.7.1"),
        (Mailbox(data="452 full"), "failed", "SMTP 452"),
    ],
    ids=["no such user", "greylisted", "content refused", "full"],
)
def test_a_servers_no_is_told_by_its_codes_alone(
    smtp: Any, letter: Make, box: Mailbox, outcome: str, said: str
) -> None:
    with mail_server(box) as port:
        smtp(port)
        answer = send("email", letter())

    assert (answer.outcome, answer.provider) == (outcome, said)
    assert breaker_of("email", "127.0.0.1").state is State.CLOSED


@pytest.mark.req("F105")
def test_a_mail_that_is_taken_and_thrown_away_is_sent_and_no_more(smtp: Any, letter: Make) -> None:
    """Only a person's acknowledgement says that somebody was reached."""
    with mail_server(Mailbox(keeps=False)) as port:
        smtp(port)

        assert send("email", letter()).outcome is Outcome.SENT


@pytest.mark.parametrize("greeting", [None, b"", b"220 hello\r\n", b"\xff\xfe\r\n"])
def test_a_server_that_hangs_or_hangs_up_keeps_nobody_waiting(
    smtp: Any, letter: Make, settings: Any, greeting: bytes | None
) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    with odd_server(greeting) as port:
        smtp(port)

        assert send("email", letter()).outcome is Outcome.FAILED


def test_a_server_that_is_not_there_is_asked_no_more_for_a_while(smtp: Any, letter: Make) -> None:
    with odd_server(b"") as port:
        smtp(port)
    for _ in range(FAILURES):
        assert send("email", letter()).provider == "ConnectionRefusedError"

    assert send("email", letter()).provider == RESTS


def test_who_has_no_address_or_no_account_any_more_is_not_written_to(
    letter: Make, person: User
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        User.objects.filter(pk=person.pk).update(email="")

    assert send("email", letter()).outcome is Outcome.NO_ADDRESS
    assert send("email", letter(person=SYSTEM_ACCOUNT)).outcome is Outcome.NO_ADDRESS


def test_without_a_mail_server_production_says_so(letter: Make, settings: Any) -> None:
    settings.MAIL_IS_NAMED = False

    answer = send("email", letter())

    assert (answer.outcome, answer.provider) == (Outcome.FAILED, NOT_NAMED)


def test_without_a_mail_server_development_writes_files(
    letter: Make, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")

    assert send("email", letter()).outcome is Outcome.SENT

    (file,) = (tmp_path / "mail").iterdir()
    assert "S-0107" in file.read_text()
