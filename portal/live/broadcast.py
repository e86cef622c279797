"""What is published to the hubs of all processes: the only caller of the layer's `group_send`."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from channels.layers import get_channel_layer

# (how many changes of rights there are, the newest): see portal.accounts.models.RightsChange.
Rights = tuple[int, int]


class Published(NamedTuple):
    """An update as it travels: encoded once, by whoever publishes.

    `previous` is the sequence of the update before it on the same topic, None when the publisher
    does not know; `key` names what it may be joined with on a slow socket. An `is_change` goes to
    those too who have had its number.
    """

    group: str
    text: str
    key: str | None
    sequence: int
    previous: int | None
    is_change: bool = False


async def broadcast(updates: Iterable[Published], rights: Rights) -> None:
    """Send updates to every process that has subscribers, a message for each topic.

    `rights` is the state of rights that the publisher saw when it read the data: hubs judge their
    sockets anew before they deliver what was read under a newer one.
    """
    layer: Any = get_channel_layer()
    by_group: dict[str, list[Published]] = {}
    for update in updates:
        by_group.setdefault(update.group, []).append(update)
    for group, some in by_group.items():
        message = {"type": "live.updates", "rights": list(rights), "updates": some}
        await layer.group_send(group, message)
