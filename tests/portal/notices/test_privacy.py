"""What leaves the portal names numbers only: names, arms, terms and values are sown and looked for.

Every kind of notice goes through a real mail server and a push service that reads what browsers
read, at once and as a digest, in both languages.
"""

import email
import email.policy
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from events.models import AdverseEvent
from patients.models import Alert, DataFinding, RiskRule
from portal.accounts.models import SessionKind, User
from portal.accounts.services.sessions import Client as Program
from portal.accounts.services.sessions import open_session
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.kinds import KINDS, NoticeKind
from portal.notices.services.posting import post_due
from portal.notices.services.push import Address, subscribe
from portal.notices.services.telling import tell
from portal.notices.vocabulary import Channel
from tests.access.world import World
from tests.portal.notices.channels.servers import (
    Browser,
    Mailbox,
    PushService,
    mail_server,
    push_service,
)
from tests.portal.notices.kit import about
from trials.models import Arm, Institution, Trial

# In everything that a person wrote or is called; none of it is an id or a subject number.
SOWN = "Quillfeather"
LANGUAGES = ("en", "zh-hans")
DIGEST_AFTER = timedelta(days=2)


@pytest.fixture
def sown(world: World) -> World:
    """Sow a name into every free text near the first patient, and into those who are told."""
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason=f"about {SOWN}"):
        AdverseEvent.objects.filter(patient=patient).update(term=f"{SOWN} fell")
        Alert.objects.filter(patient=patient).update(
            facts={"value": 93.25, "text": SOWN}, comment=SOWN
        )
        RiskRule.objects.update(name=SOWN)
        DataFinding.objects.filter(patient=patient).update(message=SOWN)
        Institution.objects.update(name=SOWN)
        Trial.objects.update(title=SOWN)
        Arm.objects.update(name=SOWN, code="QUILL")
        for name, person in world.people.items():
            User.objects.filter(pk=person.pk).update(
                display_name=f"{name} {SOWN}", email=f"{name}@hospital.example"
            )
    for rows in (world.adverse_events, world.alerts, world.findings, world.patients):
        for row in rows[:1]:
            row.refresh_from_db()
    return world


def tell_everything(world: World) -> set[str]:
    """Tell everybody of everything; return the kinds that somebody was told of."""
    record_of = {
        NoticeKind.QUERY_OPENED: (world.findings[0], "data_finding"),
        NoticeKind.ALERT_RAISED: (world.alerts[0], "alert"),
        NoticeKind.DIARY_MISSED: (world.alerts[0], "alert"),
    }
    people = [person.pk for person in world.people.values()]
    told = set()
    for number, kind in enumerate(NoticeKind, 1):
        record, resource = record_of.get(kind, (world.adverse_events[0], "adverse_event"))
        found = about(record, resource, number=str(number))
        made = tell(kind=kind, about=found, people=people, occasion=kind.value, at=clock.now())
        told |= {notice.kind for notice in made}
    return told


def words_of(mail: bytes) -> str:
    """Return everything that a mail says, but to whom: its headers, and its parts decoded."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    headers = [f"{name}: {value}" for name, value in message.items() if name != "To"]
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    return "\n".join([*headers, *map(str, parts)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_letter_says_a_name_an_arm_a_term_or_a_value(
    sown: World, settings: Any, language: str
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        User.objects.filter(pk__in=[person.pk for person in sown.people.values()]).update(
            language=language
        )
    box, at = Mailbox(), clock.now()
    browsers: dict[str, Browser] = {}
    with mail_server(box) as port, push_service(PushService()) as service:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.OUTBOUND_ALLOW = [f"127.0.0.1:{service.port}"]
        for name, person in sown.people.items():
            browsers[f"/send/{name}"] = made = Browser()
            with acting(by=person, reason="test"):
                session = open_session(user=person, kind=SessionKind.WEB, client=Program(), at=at)
            address = Address(f"{service.origin}/send/{name}", made.public, made.secret)
            subscribe(address=address, session=session, by=person, at=at)
        told = tell_everything(sown)
        later = clock.now() + DIGEST_AFTER
        while post_due(at=later):
            pass
        pushed = list(service.received)
    assert told >= {kind for kind, declared in KINDS.items() if Channel.EMAIL in declared.channels}
    mails = [words_of(mail) for mail in box.mails]
    assert mails
    assert pushed
    subject = sown.patients[0].subject_number
    assert any(subject in mail for mail in mails)
    values = (SOWN, SOWN.lower(), "QUILL", "93.25", "fell")
    for text in mails:
        assert [word for word in values if word in text] == []
    for _headers, body in pushed:
        said = json.loads(read_by_some(browsers, body))
        assert said.keys() == {"id", "about", "title"}
        assert subject not in said["title"]
        assert [word for word in values if word in json.dumps(said)] == []


def read_by_some(browsers: dict[str, Browser], body: bytes) -> bytes:
    """Return a push message as the one browser reads it that has its key."""
    for browser in browsers.values():
        try:
            return browser.read(body)
        except InvalidTag:
            continue
    raise AssertionError("no browser can read it")
