"""The channel layer: pub/sub over Valkey, which also tells when it had to connect again.

Channels' own layer subscribes anew by itself and says nothing: what was published in between is
gone, and nobody would look for it.
"""

from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import decode_hosts


class LiveLayer(RedisPubSubChannelLayer):
    """The documented pub/sub layer, with a count of the connections that were lost."""

    def __init__(self, *args: Any, hosts: Iterable[Any], **kwargs: Any) -> None:
        self.reconnections = 0
        self._known: WeakSet[Any] = WeakSet()
        watched = [{**host, "redis_connect_func": self._connected} for host in decode_hosts(hosts)]
        super().__init__(*args, hosts=watched, **kwargs)

    async def _connected(self, connection: Any) -> None:
        await connection.on_connect()
        if connection in self._known:
            self.reconnections += 1
        self._known.add(connection)
