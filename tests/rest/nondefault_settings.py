"""Settings of a project that changes every default of DRF, and those of Django that matter."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import DefaultContentNegotiation

from ..settings import *  # noqa: F403
from ..settings import AGENT_MASTER_STORAGE, DATABASES
from ..support.servers import free_port

# Errors must not become debug pages.
DEBUG = True
LANGUAGE_CODE = "de"
APPEND_SLASH = False
ROOT_URLCONF = "tests.rest.urls"

# No server listens on this port.
DATABASES["nowhere"] = {**DATABASES["postgres"], "PORT": str(free_port())}
for database in DATABASES.values():
    database["ATOMIC_REQUESTS"] = True  # type: ignore[assignment]

AGENT_MASTER_STORAGE = {
    **AGENT_MASTER_STORAGE,
    "nowhere": {
        "BACKEND": AGENT_MASTER_STORAGE["default"]["BACKEND"],
        "OPTIONS": {"using": "nowhere"},
    },
    "broken": {"BACKEND": "tests.rest.failing_storages.BrokenLog"},
}

_HERE = "tests.rest.nondefault_settings"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_PERMISSION_CLASSES": [f"{_HERE}.DenyAll"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{_HERE}.Negotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_VERSION": "9",
    "ALLOWED_VERSIONS": ["9"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 2,
    "EXCEPTION_HANDLER": f"{_HERE}.handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "URL_FORMAT_OVERRIDE": None,
    "FORMAT_SUFFIX_KWARG": None,
    "UNICODE_JSON": False,
    "COMPACT_JSON": False,
    "STRICT_JSON": False,
    "DATETIME_FORMAT": "%d.%m.%Y",
    "NON_FIELD_ERRORS_KEY": "errors",
    "NUM_PROXIES": 0,
}


class DenyAll:
    """Deny everything."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return False


class Negotiation(DefaultContentNegotiation):
    """Always choose the first renderer."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def handler(error: Exception, context: Any) -> HttpResponse:
    """Respond to errors with a page and a success status."""
    return HttpResponse("<h1>Sorry</h1>")
