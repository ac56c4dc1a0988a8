"""Entries, commits and status over HTTP: a method for each row of the README's table."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import ViewSetMixin

from .. import permissions, serialization
from ..backends.logged import MAX_COMMIT_BYTES
from ..exceptions import InvalidKey, InvalidValue, NotSupported
from ..handler import storages
from ..keys import check_key
from ..types import Entry
from . import params, parsers, serializers
from .etags import Condition, etag
from .openapi import describe_collection, described
from .pagination import page_of_entries, plain_entry
from .parsers import MERGE_PATCH, JsonParser, MergePatchParser, OctetParser
from .renderers import JsonRenderer, OctetRenderer, PageRenderer
from .views import StorageView
from .writer import Writer, Written


class StorageViewSet(ViewSetMixin, StorageView):
    """The storages of AGENT_MASTER_STORAGE."""

    # What the browsable page offers to send; bodies are read by hand.
    parser_classes: Any = (JsonParser, OctetParser, MergePatchParser)

    #: what the browsable page begins its form with
    shown: Any = None

    # Storages

    @described
    def aliases(self, request: Request) -> Response:
        """List the storages that the visitor may see."""
        visible = [alias for alias in storages if permissions.may(self.user, "view", alias)]
        if not visible and not self.user.is_authenticated:
            self.permission_denied(request)
        return Response({"results": [self._alias(alias) for alias in visible]})

    def _alias(self, alias: str) -> dict[str, Any]:
        return {
            "alias": alias,
            "backend": storages.settings[alias]["BACKEND"],
            "url": reverse(self.route("status"), args=[alias], request=self.request),
        }

    @described
    def status(self, request: Request, alias: str) -> Response:
        """Tell where a storage stands and what it can do."""
        storage = self.storage
        body = {
            "alias": alias,
            "backend": storages.settings[alias]["BACKEND"],
            "revision": storage.revision if storage.supports_revisions else None,
            "oldest": storage.oldest if storage.supports_resume else None,
            "epoch": storage.epoch if storage.supports_resume else None,
            "max_value_size": storage.max_value_size,
            "capabilities": {
                "revisions": storage.supports_revisions,
                "commit": storage.supports_commit,
                "resume": storage.supports_resume,
            },
        }
        return Response(body)

    # Entries

    def list(self, request: Request, alias: str) -> Response:
        """List entries by key, or retrieve the one that ``?key=`` names."""
        if "key" in request.query_params:
            return self.retrieve(request, alias)
        return Response(page_of_entries(self.storage, request))

    @described
    def retrieve(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Return an entry, or as it stood at ``?revision=``."""
        found = self._find(params.revision(request, "revision"))
        if isinstance(found, bytes):
            self._refuse_condition(request)
            return self._shown_plain(found)
        condition = Condition.of(request)
        if condition.unchanged(found.revision):
            return Response(status=304, headers={"ETag": etag(found.revision)})
        condition.check(found.revision)
        return self._shown(found)

    @described
    def update(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Write an entry: 201 when the key is new, 200 when it was there."""
        condition = Condition.of(request)
        data = self._body(request)
        with self.acting():
            written = self._writer.put(self.key, data, condition)
        return self._written(written, data)

    @described
    def partial_update(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Apply a JSON merge patch (RFC 7396), atomically."""
        condition = Condition.of(request)
        limit = parsers.json_limit(self.storage.max_value_size)
        patch = parsers.read_json(request, limit, MERGE_PATCH)
        with self.acting():
            written = self._writer.patch(self.key, patch, condition)
        return self._written(written, b"")

    @described
    def destroy(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Delete an entry."""
        condition = Condition.of(request)
        with self.acting():
            self._writer.delete(self.key, condition)
        return Response(status=204)

    # Commits

    @described
    def commit(self, request: Request, alias: str) -> Response:
        """Do several operations as one revision, or none of them."""
        document = parsers.read_object(request, parsers.json_limit(MAX_COMMIT_BYTES))
        operations = serializers.operations(document)
        with self.acting():
            revision = self._writer.commit(operations)
        return Response({"revision": revision})

    # DRF's hooks

    def get_renderers(self) -> Any:
        if self._is_entry:
            return [JsonRenderer(), PageRenderer(), OctetRenderer()]
        return super().get_renderers()

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """For the browsable page alone."""
        if self.request.method == "POST":
            return serializers.CommitSerializer({"operations": []})
        shown = {"value": "", "encoding": "utf-8", **(self.shown or {})}
        return serializers.ValueSerializer(shown)

    # Inside

    @property
    def _is_entry(self) -> bool:
        return "key" in self.kwargs or "key" in self.request.GET

    @property
    def key(self) -> str:
        """The key, from the path or from ``?key=``."""
        query = self.request.query_params
        if "key" in self.kwargs and "key" in query:
            raise InvalidKey("the key is given twice, in the path and as ?key=")
        if not self._is_entry:
            raise InvalidKey("give a key, in the path or as ?key=")
        return check_key(self.kwargs["key"] if "key" in self.kwargs else query["key"])

    @property
    def _writer(self) -> Writer:
        user, alias = self.user, self.kwargs["alias"]
        return Writer(
            storage=self.storage,
            allowed=lambda action, key: permissions.may(user, action, alias, key),
            require=self.require,
        )

    def _find(self, revision: int | None) -> Entry | bytes:
        """Return the entry, or only its value if the adapter does not support revisions."""
        if self.storage.supports_revisions or revision is not None:
            return self.storage.entry(self.key, revision=revision)
        return self.storage.read(self.key)

    def _body(self, request: Request) -> bytes:
        """The value to be written, by either face."""
        if "Content-Range" in request.headers:
            raise InvalidValue("a value is written whole: no Content-Range")
        size = self.storage.max_value_size
        if "raw" in request.query_params or parsers.media_type(request) != "application/json":
            return parsers.read(request, size)
        document = parsers.read_object(request, parsers.json_limit(size))
        return serializers.entry_value(document, self.key)

    def _shown(self, entry: Entry, status: int = 200) -> Response:
        headers = {"ETag": etag(entry.revision)}
        if self._wants_octets:
            body: Any = entry.value
        else:
            body = self.shown = serialization.entry(entry, params.encoding(self.request))
        return Response(body, status, headers=headers)

    def _shown_plain(self, value: bytes, status: int = 200) -> Response:
        if self._wants_octets:
            return Response(value, status)
        self.shown = plain_entry(self.key, value, params.encoding(self.request))
        return Response(self.shown, status)

    def _written(self, written: Written, data: bytes) -> Response:
        status = 201 if written.new else 200
        if written.entry is None:
            return (
                Response(status=status) if self._wants_octets else self._shown_plain(data, status)
            )
        if self._wants_octets:
            return Response(status=status, headers={"ETag": etag(written.entry.revision)})
        return self._shown(written.entry, status)

    @property
    def _wants_octets(self) -> bool:
        return isinstance(self.request.accepted_renderer, OctetRenderer)

    def _refuse_condition(self, request: Request) -> None:
        if Condition.of(request):
            raise NotSupported(f"{self.storage!r} keeps no revisions: no conditional requests")


@describe_collection
class CollectionViewSet(StorageViewSet):
    """The entries of a storage; with ``?key=``, one of them."""
