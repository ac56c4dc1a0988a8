"""Settings with a slow authentication."""

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
    """Authenticate as slowly as a real password hasher."""

    def authenticate(self, request: Request) -> Any:
        time.sleep(DELAY)
        return super().authenticate(request)
