"""The suite's settings as a project has them whose ``runserver`` speaks ASGI."""

from __future__ import annotations

from ..settings import *  # noqa: F403
from ..settings import INSTALLED_APPS as _INSTALLED_APPS

INSTALLED_APPS = ["daphne", *_INSTALLED_APPS]
# daphne sends no frame larger than it takes, and takes 1 MiB unless told otherwise.
FRAME_LIMIT = 64 * 1024 * 1024
DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE = FRAME_LIMIT
DAPHNE_WEBSOCKET_MAX_FRAME_SIZE = FRAME_LIMIT
