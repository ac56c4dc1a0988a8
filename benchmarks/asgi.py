"""The server that the sockets connect to: the app's consumer, and its peer beside it."""

from __future__ import annotations

import os
import time

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
http = get_asgi_application()

from agent_master_storage.routing import websocket_urlpatterns  # noqa: E402

GROUP = "benchmarks"
PEER_LAYER = "peer"


class GroupConsumer(AsyncWebsocketConsumer):
    """What a project writes without this app: each socket in a group, told by group_send."""

    groups = (GROUP,)
    channel_layer_alias = PEER_LAYER

    async def tell(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["text"])


async def cpu(request: HttpRequest) -> HttpResponse:
    """The seconds of processor time that this server has used."""
    return HttpResponse(str(time.process_time()))


urlpatterns = [path("cpu", cpu)]
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": URLRouter([*websocket_urlpatterns, path("group", GroupConsumer.as_asgi())]),
    }
)
