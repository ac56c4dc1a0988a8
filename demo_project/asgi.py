"""HTTP to Django, websockets to the storages: what any project around the app does."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")

# Before the import of anything with models.
http = get_asgi_application()

from agent_master_storage.consumers.consumer import StorageConsumer  # noqa: E402
from agent_master_storage.routing import websocket_urlpatterns  # noqa: E402

# Any other address is answered as an unknown alias is: closed with 4404.
elsewhere = re_path("", StorageConsumer.as_asgi(), {"alias": ""})

application = ProtocolTypeRouter(
    {
        # Any ASGI server serves the demo's static files too, not runserver alone.
        "http": ASGIStaticFilesHandler(http) if settings.DEBUG else http,
        "websocket": URLRouter([*websocket_urlpatterns, elsewhere]),
    }
)
