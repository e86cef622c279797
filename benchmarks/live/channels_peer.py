"""The documented Channels set-up, for comparison: a consumer for each socket, `send_json`, pub/sub.

`uvicorn channels_peer:application` serves the sockets.
"""

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="benchmark",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

GROUP = "vitals"


class VitalsConsumer(AsyncJsonWebsocketConsumer):
    """A dashboard's socket, as in the tutorial."""

    async def connect(self):
        """Join the group and accept."""
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        """Leave the group."""
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def vital_update(self, event):
        """Pass an update on."""
        await self.send_json(event["data"])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/", VitalsConsumer.as_asgi())])})
