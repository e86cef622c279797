"""Letters by e-mail: plain text with a simple page beside it, and the same Message-ID every time.

The words come with the letter and hold no clinical data beyond a subject number; the link needs a
session. What a server says is kept as its codes alone: its text may repeat the address.
"""

import re
import smtplib
from email.utils import parseaddr
from urllib.parse import urljoin

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import translation

from portal.accounts.models import User
from portal.notices.channels.base import Answer, Letter, Outcome, carries
from portal.notices.channels.breaker import breaker_of

log = structlog.get_logger(__name__)

_ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
_IMPORTANT = frozenset({"urgent", "safety"})
NOT_NAMED = "no mail server is named"
RESTS = "the provider failed again and again and is left alone for a while"


@carries("email")
def send_mail(letter: Letter) -> Answer:
    """Send a letter to the person's address; never raises."""
    person = User.objects.filter(pk=letter.person, is_active=True).only("email").first()
    if person is None or not person.email:
        return Answer(Outcome.NO_ADDRESS)
    if not settings.MAIL_IS_NAMED:
        return Answer(Outcome.FAILED, NOT_NAMED)
    breaker = breaker_of("email", str(settings.EMAIL_HOST))
    if not breaker.may_ask():
        return Answer(Outcome.FAILED, RESTS)
    answer, is_provider_well = _sent(letter, person.email)
    if is_provider_well:
        breaker.worked()
    else:
        breaker.failed()
    return answer


def _sent(letter: Letter, address: str) -> tuple[Answer, bool]:
    """Return the answer, and whether the server behaved as a server does."""
    try:
        mail = compose(letter, address)
        count = get_connection(fail_silently=False).send_messages([mail])
    except smtplib.SMTPRecipientsRefused as refused:
        code, text = next(iter(refused.recipients.values()), (0, b""))
        return _refused(code, text), True
    except smtplib.SMTPResponseException as refused:
        is_of_letter = isinstance(refused, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
        return _refused(refused.smtp_code, refused.smtp_error), is_of_letter
    except (OSError, smtplib.SMTPException) as error:
        return Answer(Outcome.FAILED, type(error).__name__), False
    except Exception as error:
        # A letter that cannot be written must not keep the others: its error is ours, not theirs.
        log.error("mail_not_written", error=type(error).__qualname__)
        return Answer(Outcome.FAILED, type(error).__name__), True
    if not count:
        return Answer(Outcome.FAILED, "not taken"), False
    return Answer(Outcome.SENT, "accepted", str(mail.extra_headers["Message-ID"])), True


def compose(letter: Letter, address: str) -> EmailMultiAlternatives:
    """Return the mail of a letter, the same for every attempt."""
    with translation.override(letter.language):
        words = {
            "title": " ".join(letter.title.split()),
            "body": letter.body,
            "link": letter.link,
            "language": letter.language,
        }
        text = render_to_string("notices/mail.txt", words)
        page = render_to_string("notices/mail.html", words)
    headers = {
        "Message-ID": message_id(letter),
        "Auto-Submitted": "auto-generated",
        "Content-Language": letter.language,
    }
    if letter.urgency in _IMPORTANT:
        headers["Importance"] = "high"
    else:
        # What concerns safety is not to be unsubscribed from.
        headers["List-Unsubscribe"] = f"<{urljoin(letter.link, '/')}>"
    mail = EmailMultiAlternatives(
        words["title"], text, settings.DEFAULT_FROM_EMAIL, [address], headers=headers
    )
    mail.attach_alternative(page, "text/html")
    return mail


def message_id(letter: Letter) -> str:
    """Return the Message-ID of a letter: a repeat after a crash is known as one (F11)."""
    sender = parseaddr(str(settings.DEFAULT_FROM_EMAIL))[1]
    return f"<{letter.id}@{sender.partition('@')[2] or 'localhost'}>"


def _refused(code: int, text: bytes | str) -> Answer:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    enhanced = _ENHANCED.search(raw)
    said = f"SMTP {code}" + (f" {enhanced[0].decode()}" if enhanced else "")
    return Answer(Outcome.REFUSED if 500 <= code < 600 else Outcome.FAILED, said)
