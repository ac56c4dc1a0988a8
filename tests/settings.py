"""Settings of the suite. PostgreSQL is there while conftest's server runs."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from .support.servers import postgres_address, redis_address, shared


def _make_folder() -> str:
    folder = tempfile.mkdtemp(prefix="ams-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


FOLDER = Path(shared("TEST_FOLDER", _make_folder))

SECRET_KEY = "only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.urls"
ASGI_APPLICATION = "tests.asgi.application"
USE_TZ = True
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_json_widget",
    "channels",
    "agent_master_storage",
    "agent_master_storage.engine",
]
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

# Processes that a test starts work on the databases that the test has.
_PREFIX = "test_" if "TEST_PROCESS" in os.environ else ""

# A file, not memory: threads and processes share it.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / f"{_PREFIX}default.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        "TEST": {"NAME": FOLDER / "test_default.sqlite3"},
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": f"{_PREFIX}agent_master_storage",
        **postgres_address(),
    },
}

_DATABASE_STORAGE = "agent_master_storage.backends.database.DatabaseStorage"

AGENT_MASTER_STORAGE = {
    "default": {"BACKEND": _DATABASE_STORAGE},
    "postgres": {"BACKEND": _DATABASE_STORAGE, "OPTIONS": {"using": "postgres"}},
    # The same rows.
    "postgresql": {
        "BACKEND": "agent_master_storage.backends.postgresql.PostgreSQLStorage",
        "OPTIONS": {"using": "postgres"},
    },
    "memory": {"BACKEND": "agent_master_storage.backends.memory.MemoryStorage"},
    "redis": {
        "BACKEND": "agent_master_storage.backends.redis.RedisStorage",
        "OPTIONS": {"url": redis_address(), "prefix": "tests"},
    },
    # The five methods alone.
    "plain": {"BACKEND": "tests.support.dict_storage.DictStorage"},
}

if "TEST_CHANNEL_LAYER" in os.environ:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": os.environ["TEST_CHANNEL_LAYER"],
            "CONFIG": {"hosts": [os.environ["TEST_REDIS_URL"]]},
        }
    }

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
