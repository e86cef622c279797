"""Where new subscribers are answered: one after another, and those who wait for the same together.

When a thousand walls come back at once, a ward is read once for all who may see the same of it and
not a thousand times. Each has subscribed before it is read, so nothing is missed in between, and
each is asked about after it was read (portal.live.answers).
"""

from typing import TYPE_CHECKING

from channels.db import database_sync_to_async

from portal.core import clock
from portal.live.answers import answer, sequences_of
from portal.live.messages import encode
from portal.live.outlet import Outgoing
from portal.live.subscriptions import Subscription, Waiting

if TYPE_CHECKING:
    from portal.live.hub import Hub

# Judging waits for as long as it takes to ask about so many.
MOST_TOGETHER = 100


async def answered(hub: "Hub", subscription: Subscription, after: int | None) -> bool:
    """Say to a new subscriber what it hears first; False when it may not have the topic."""
    topic, mine = subscription.topic, Waiting(subscription)
    queue = hub.waiting.setdefault(topic.group, [])
    queue.append(mine)
    try:
        async with hub.desk:
            if mine.is_answered:
                return True
            async with hub.verdicts:
                return await _answer(hub, mine, queue, after)
    finally:
        queue.remove(mine)
        if not queue:
            hub.waiting.pop(topic.group, None)


async def _answer(hub: "Hub", mine: Waiting, queue: list[Waiting], after: int | None) -> bool:
    """Answer one, and whoever waits behind it and hears the same."""
    subscription = mine.subscription
    others = [
        one
        for one in queue
        if one is not mine and not one.is_answered and one.subscription.is_in_force
    ][:MOST_TOGETHER]
    found, is_same = await database_sync_to_async(answer)(
        subscription.socket.session,
        subscription.topic,
        after,
        clock.now(),
        [one.subscription.socket.session for one in others],
    )
    if found is None:
        return False
    messages = [Outgoing.of(encode(message)) for message in found.messages]
    alike = [one for one, same in zip(others, is_same, strict=True) if same]
    for one in (mine, *alike):
        if one.subscription.is_in_force:
            one.is_answered = True
            for message in messages:
                one.subscription.socket.outlet.put(message)
            hub.reached(one.subscription, sequences_of(found.messages))
            hub.begin(one.subscription, found.position)
    return mine.is_answered
