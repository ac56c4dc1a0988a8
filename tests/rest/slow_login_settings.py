"""Settings under which it takes a while to find out who somebody is."""

from __future__ import annotations

import time
from typing import Any

from rest_framework.authentication import BasicAuthentication
from rest_framework.request import Request

from ..settings import *  # noqa: F403
from ..settings import REST_FRAMEWORK

#: seconds
DELAY = 0.6

REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": ["tests.rest.slow_login_settings.SlowAuthentication"],
}


class SlowAuthentication(BasicAuthentication):
    """As a hasher of passwords that deserves its name."""

    def authenticate(self, request: Request) -> Any:
        time.sleep(DELAY)
        return super().authenticate(request)
