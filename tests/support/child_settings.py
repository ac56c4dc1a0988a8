"""Settings of the processes that tests start: on the databases of the test, by environment."""

from __future__ import annotations

import json
import os

from ..settings import *  # noqa: F403
from ..settings import AGENT_MASTER_STORAGE, DATABASES

INSTALLED_APPS = ["agent_master_storage", "tests"]
MIDDLEWARE = []
ROOT_URLCONF = "tests.support.child_settings"
urlpatterns = []
CHANNEL_LAYERS = json.loads(os.environ.get("TEST_CHANNEL_LAYERS", "{}"))

for alias, changed in json.loads(os.environ.get("TEST_DATABASES", "{}")).items():
    DATABASES[alias] = {**DATABASES[alias], **changed}
for alias, options in json.loads(os.environ.get("TEST_OPTIONS", "{}")).items():
    AGENT_MASTER_STORAGE[alias] = {**AGENT_MASTER_STORAGE[alias], "OPTIONS": options}
