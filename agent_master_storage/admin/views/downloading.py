"""A value's bytes as a file."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from .. import stores
from ..addresses import known_revision
from .base import EntryView

_UNSAFE = re.compile(r"[^\w.-]+")


class DownloadView(EntryView):
    """Serves the exact bytes, as nothing that a browser would open."""

    def get(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The present value, or the one at ``?revision=``."""
        self.require("view", self.address)
        if "revision" in request.GET:
            revision = known_revision(request.GET["revision"])
            stored = stores.look_back(self.storage, self.address.key, revision)
        else:
            stored = stores.look(self.storage, self.address.key)
        if stored is None:
            raise Http404(f"there is no entry {self.address.key!r}")
        name = content_disposition_header(True, file_name(self.address.key))
        headers = {"Content-Disposition": name or "", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(
            stored.content.value, content_type="application/octet-stream", headers=headers
        )


def file_name(key: str) -> str:
    """A name for the key's file: letters, digits, dots and dashes, at most 100 characters.

    >>> file_name("projects:/srv/../app:config")
    'projects_srv_.._app_config'
    """
    return _UNSAFE.sub("_", key)[-100:].strip("._") or "value"
