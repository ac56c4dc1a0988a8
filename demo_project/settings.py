"""Settings of the demo: for looking at on one's own machine, not for serving from.

Environment: DEMO_DATABASE (path of the SQLite file), DATABASE_URL (``postgresql://`` and so on:
PostgreSQL instead, and several processes may serve the demo; wants the extra ``postgresql``),
DEMO_DEBUG (0 switches debugging off), DEMO_SECRET_KEY (then required), REDIS_URL (adds the storage
``redis``, and several processes may serve the demo).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEMO_DEBUG", "1") != "0"

# Everybody can read this key, so that sessions outlive a restart of the demo and nothing more.
# Without DEBUG there is no default: whoever serves this to others must bring a secret one.
_DEMO_KEY = "public-demo-key-never-serve-with-it"
SECRET_KEY = os.environ.get("DEMO_SECRET_KEY", _DEMO_KEY if DEBUG else "")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "channels",
    "agent_master_storage",
    "agent_master_storage.engine",
    "demo_project",
]
# What the app can do without, the demo can too. The sidecar brings Swagger's own files, so
# that the page asks no other host for them.
INSTALLED_APPS += [
    name
    for name in ("drf_spectacular", "drf_spectacular_sidecar", "django_json_widget")
    if find_spec(name) is not None
]
if find_spec("daphne") is not None:
    # First: then runserver speaks ASGI, websockets included. `make demo` uses uvicorn, which
    # says goodbye to open sockets when it stops; daphne 4.2 drops them.
    INSTALLED_APPS.insert(0, "daphne")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "demo_project.urls"
ASGI_APPLICATION = "demo_project.asgi.application"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "live"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASE_URL = os.environ.get("DATABASE_URL")


def _database() -> dict[str, Any]:
    if not DATABASE_URL:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DEMO_DATABASE") or BASE_DIR / "demo.sqlite3",
            # A transaction that writes says so when it begins: no "database is locked" midway.
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    url = urlsplit(DATABASE_URL)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname or "",
        "PORT": url.port or "",
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "NAME": unquote(url.path.removeprefix("/")),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"prepare_threshold": 5, "pool": True},
    }


DATABASES = {"default": _database()}

REDIS_URL = os.environ.get("REDIS_URL")

# Without Redis or PostgreSQL, one process serves the demo.
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }

_BACKENDS = "agent_master_storage.backends"
AGENT_MASTER_STORAGE: dict[str, Any] = {
    "default": {
        "BACKEND": f"{_BACKENDS}.postgresql.PostgreSQLStorage"
        if DATABASE_URL
        else f"{_BACKENDS}.database.DatabaseStorage"
    },
    # Gone when the server stops.
    "scratch": {"BACKEND": f"{_BACKENDS}.memory.MemoryStorage"},
}

if REDIS_URL:
    # What a Go engine keeps there is seen here, and the other way round.
    AGENT_MASTER_STORAGE["redis"] = {
        "BACKEND": f"{_BACKENDS}.redis.RedisStorage",
        "OPTIONS": {"url": REDIS_URL},
    }

# Files that the engine may write when it is asked to over HTTP.
AGENT_MASTER_STORAGE_DESTINATION_ROOTS = [BASE_DIR / "demo_destinations"]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
}
if "drf_spectacular" in INSTALLED_APPS:
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "drf_spectacular.openapi.AutoSchema"

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Agent Master Storage",
    "DESCRIPTION": "Durable, watchable key/value storage for agent and MCP configuration.",
    "SERVE_INCLUDE_SCHEMA": False,
}
if "drf_spectacular_sidecar" in INSTALLED_APPS:
    SPECTACULAR_SETTINGS |= {"SWAGGER_UI_DIST": "SIDECAR", "SWAGGER_UI_FAVICON_HREF": "SIDECAR"}
