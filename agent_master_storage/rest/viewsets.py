"""Entries, commits and status: one method for each row of the API reference."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import ViewSetMixin

from .. import permissions, serialization
from ..backends.commit import MAX_COMMIT_BYTES
from ..exceptions import InvalidKey, InvalidValue, NotSupported
from ..handler import storages
from ..keys import check_key
from ..types import Entry
from . import params, parsers, serializers
from .etags import Precondition, etag
from .openapi import describe_collection, described
from .pagination import page_of_entries, plain_entry
from .parsers import MERGE_PATCH, JsonParser, MergePatchParser, OctetParser
from .renderers import JsonRenderer, OctetRenderer, PageRenderer
from .views import StorageView
from .writer import Writer, Written


class StorageViewSet(ViewSetMixin, StorageView):
    """The storages in the AGENT_MASTER_STORAGE setting."""

    # The content types in the forms of the browsable page. Bodies are read by parsers.read().
    parser_classes: Any = (JsonParser, OctetParser, MergePatchParser)

    #: the representation in the response, which prefills the form of the browsable page
    representation: Any = None

    # Storages

    @described
    def aliases(self, request: Request) -> Response:
        """List the storages that the user may view."""
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
        """Return the revision, the epoch and the capabilities of a storage."""
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
        """List entries in key order, or retrieve the entry given by ``?key=``."""
        if "key" in request.query_params:
            return self.retrieve(request, alias)
        return Response(page_of_entries(self.storage, request))

    @described
    def retrieve(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Return an entry, optionally as of ``?revision=``."""
        found = self._find(params.revision(request, "revision"))
        precondition = Precondition.of(request)
        if isinstance(found, bytes):
            if precondition:
                raise NotSupported(
                    f"{self.storage!r} does not support revisions, nor conditional requests"
                )
            return self._plain_response(found)
        if precondition.not_modified(found.revision):
            return Response(status=304, headers={"ETag": etag(found.revision)})
        precondition.check(found.revision)
        return self._entry_response(found)

    @described
    def update(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Write an entry: 201 if the key is new, 200 if it existed."""
        precondition = Precondition.of(request)
        data = self._body(request)
        with self.acting():
            written = self._writer.put(self.key, data, precondition)
        return self._write_response(written, data)

    @described
    def partial_update(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Apply a JSON merge patch (RFC 7396) atomically."""
        precondition = Precondition.of(request)
        limit = parsers.json_limit(self.storage.max_value_size)
        patch = parsers.read_json(request, limit, MERGE_PATCH)
        with self.acting():
            written = self._writer.patch(self.key, patch, precondition)
        return self._write_response(written, b"")

    @described
    def destroy(self, request: Request, alias: str, key: str | None = None) -> Response:
        """Delete an entry."""
        precondition = Precondition.of(request)
        with self.acting():
            self._writer.delete(self.key, precondition)
        return Response(status=204)

    # Commits

    @described
    def commit(self, request: Request, alias: str) -> Response:
        """Apply several operations as one revision, or none of them."""
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
        """Return a serializer for the form of the browsable page; nothing else uses it."""
        if self.request.method == "POST":
            return serializers.CommitSerializer({"operations": []})
        initial = {"value": "", "encoding": "utf-8", **(self.representation or {})}
        return serializers.ValueSerializer(initial)

    # Internal

    @property
    def _is_entry(self) -> bool:
        return "key" in self.kwargs or "key" in self.request.GET

    @property
    def key(self) -> str:
        """The key from the path or from ``?key=``."""
        query = self.request.query_params
        if "key" in self.kwargs and "key" in query:
            raise InvalidKey("give the key either in the path or as ?key=, not both")
        if not self._is_entry:
            raise InvalidKey("give a key in the path or as ?key=")
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
        """Return the value to write, from a JSON representation or from the bytes themselves."""
        if "Content-Range" in request.headers:
            raise InvalidValue("a value must be written as a whole: Content-Range is not supported")
        size = self.storage.max_value_size
        if "raw" in request.query_params or parsers.media_type(request) != "application/json":
            return parsers.read(request, size)
        document = parsers.read_object(request, parsers.json_limit(size))
        return serializers.entry_value(document, self.key)

    def _entry_response(self, entry: Entry, status: int = 200) -> Response:
        headers = {"ETag": etag(entry.revision)}
        if self._wants_octets:
            body: Any = entry.value
        else:
            body = self.representation = serialization.entry(entry, params.encoding(self.request))
        return Response(body, status, headers=headers)

    def _plain_response(self, value: bytes, status: int = 200) -> Response:
        if self._wants_octets:
            return Response(value, status)
        self.representation = plain_entry(self.key, value, params.encoding(self.request))
        return Response(self.representation, status)

    def _write_response(self, written: Written, data: bytes) -> Response:
        status = 201 if written.new else 200
        if written.entry is None:
            return (
                Response(status=status)
                if self._wants_octets
                else self._plain_response(data, status)
            )
        if self._wants_octets:
            return Response(status=status, headers={"ETag": etag(written.entry.revision)})
        return self._entry_response(written.entry, status)

    @property
    def _wants_octets(self) -> bool:
        return isinstance(self.request.accepted_renderer, OctetRenderer)


@describe_collection
class CollectionViewSet(StorageViewSet):
    """The entries of a storage, or one of them if ``?key=`` is given."""
