"""The settings of the suite with a ``runserver`` that supports ASGI."""

from __future__ import annotations

from ..settings import *  # noqa: F403
from ..settings import INSTALLED_APPS as _INSTALLED_APPS

INSTALLED_APPS = ["daphne", *_INSTALLED_APPS]
# daphne's limit applies to frames in both directions and is 1 MiB by default.
FRAME_LIMIT = 64 * 1024 * 1024
DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE = FRAME_LIMIT
DAPHNE_WEBSOCKET_MAX_FRAME_SIZE = FRAME_LIMIT
