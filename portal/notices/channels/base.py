"""What goes out by a channel, and what the channel's provider said of it.

A channel only carries: that a letter was sent never means that it reached anybody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Outcome(TextChoices):
    """What became of a letter at a channel's door."""

    SENT = "sent", _("sent")
    FAILED = "failed", _("not sent, tried again")
    REFUSED = "refused", _("refused by the provider")
    NO_ADDRESS = "no_address", _("no address known")


@dataclass(frozen=True, slots=True)
class Letter:
    """One telling of one person: words without personal data, and a link that needs a session.

    `id` is stable over every attempt: the Message-ID of a mail and the topic of a push come from
    it, so that a letter sent twice after a crash is known as one. `about` is the same for every
    letter of one notice, so that what a browser shows of it is shown once. `urgency` is `routine`,
    `urgent` or `safety`.
    """

    id: UUID
    about: UUID
    person: UUID
    urgency: str
    title: str
    body: str
    language: str
    link: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer: `provider` is its own words, cut short and free of personal data."""

    outcome: Outcome
    provider: str = ""
    message_id: str = ""


# Never raises; bounded by timeouts and a circuit breaker.
Channel = Callable[[Letter], Answer]
_CHANNELS: dict[str, Channel] = {}


def carries(name: str) -> Callable[[Channel], Channel]:
    """Register what carries letters by the channel of that name."""

    def register(function: Channel) -> Channel:
        _CHANNELS[name] = function
        return function

    return register


def send(channel: str, letter: Letter) -> Answer:
    """Send a letter; return the provider's answer, none having been asked where nobody carries."""
    carry = _CHANNELS.get(channel)
    return carry(letter) if carry else Answer(Outcome.NO_ADDRESS, "no such channel")
