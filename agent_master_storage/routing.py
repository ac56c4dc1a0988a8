"""The websocket's URL, for the project's ``asgi.py``::

    application = ProtocolTypeRouter({
        "http": get_asgi_application(),
        "websocket": URLRouter(websocket_urlpatterns),
    })

Sessions and Authorization headers are looked up by the consumer itself; an
``AuthMiddlewareStack`` around it is welcome and not needed.
"""

from __future__ import annotations

from django.urls import path

from .consumers.consumer import StorageConsumer

# With or without a slash at the end: a router of Channels raises where it finds no route.
websocket_urlpatterns = [
    path("ws/storage/<str:alias>/", StorageConsumer.as_asgi()),
    path("ws/storage/<str:alias>", StorageConsumer.as_asgi()),
]
