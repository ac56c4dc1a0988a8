"""Settings of a project without the optional packages, which cannot be imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder

from ..settings import *  # noqa: F403
from ..settings import AGENT_MASTER_STORAGE, DATABASES, INSTALLED_APPS

ABSENT = ("drf_spectacular", "django_json_widget", "psycopg", "rest_framework.authtoken")


class _Absent(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        if name in ABSENT or name.startswith(tuple(f"{package}." for package in ABSENT)):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _Absent())

INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in ABSENT]
DATABASES = {"default": DATABASES["default"]}
AGENT_MASTER_STORAGE = {alias: AGENT_MASTER_STORAGE[alias] for alias in ("default", "memory")}
ROOT_URLCONF = "tests.rest.urls"
REST_FRAMEWORK: dict[str, object] = {}
