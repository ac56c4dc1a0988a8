"""What the engine's views share: the document with its ETag, and what a request asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.urls import reverse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ... import permissions as access
from ...exceptions import InvalidValue, KeyNotFound, NotSupported
from ...rest import params
from ...rest import parsers as bodies
from ...rest.etags import Precondition, etag
from ...rest.serializers import reject_unknown
from ...rest.views import StorageView
from .. import Document, Engine
from ..exceptions import InvalidDocument
from ..keys import CONFIG
from .errors import Unreadable, exception_handler

_READING = ("GET", "HEAD", "OPTIONS")


class EnginePermission(BasePermission):
    """Who may view the key ``config`` may read; who may change it, and no other, may change."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.alias is None:
            return True
        action: access.Action = "view" if request.method in _READING else "change"
        return access.may(view.user, action, view.alias, CONFIG)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The document as it stands."""

    document: Document
    #: 0: there is none; None: the adapter keeps no revisions
    revision: int | None

    @property
    def headers(self) -> dict[str, str]:
        return {"ETag": etag(self.revision)} if self.revision else {}


class DocumentView(StorageView):
    """A view of the document of one storage."""

    permission_classes: Any = (EnginePermission,)
    #: what the browsable page begins its form with
    sample: ClassVar[Any] = None

    @property
    def target(self) -> str:
        return CONFIG

    @property
    def engine(self) -> Engine:
        return Engine(storage=self.storage)

    # Reading

    def look(self) -> Look:
        """The document now. Unreadable when something else is stored under its key."""
        storage = self.storage
        try:
            if not storage.supports_revisions:
                return Look(document=self.engine.config(), revision=None)
            try:
                entry = storage.entry(CONFIG)
            except KeyNotFound:
                return Look(document=Document.new(), revision=0)
            return Look(document=Document.parse(entry.value), revision=entry.revision)
        except InvalidDocument as error:
            raise Unreadable(error) from error

    def shows_secrets(self, default: bool = False) -> bool:
        """``?secrets=true``, which only those may ask for who may change the document."""
        wanted = params.flag(self.request, "secrets", default)
        if wanted:
            self.require("change", CONFIG)
        return wanted

    def may_change(self) -> bool:
        return access.may(self.user, "change", str(self.alias), CONFIG)

    def unchanged(self, look: Look, there: bool = True) -> Response | None:
        """304 or 412 when the request's condition says so. ``there``: whether it was found."""
        condition = Precondition.of(self.request)
        if condition and look.revision is None:
            raise NotSupported(f"{self.storage!r} keeps no revisions: no conditional requests")
        current = (look.revision or 0) if there else 0
        if condition.not_modified(current):
            return Response(status=304, headers=look.headers)
        condition.check(current)
        return None

    # Changing

    def changing(self, exists: Callable[[Document], bool] | None = None) -> Engine:
        """The engine for this request, bound to the revision that If-Match names.

        ``exists``: whether what the request is about is there, for ``*``.
        """
        look = self.look()
        there = exists is None or exists(look.document)
        return self._bound(look.revision, there)

    def replacing(self) -> Engine:
        """The same for what may be done whatever is stored."""
        if not self.storage.supports_revisions:
            return self._bound(None, True)
        try:
            return self._bound(self.storage.entry(CONFIG).revision, True)
        except KeyNotFound:
            return self._bound(0, True)

    def _bound(self, revision: int | None, there: bool) -> Engine:
        if revision == 0:
            # The first server makes the document.
            self.require("add", CONFIG)
        condition = Precondition.of(self.request)
        if not condition:
            return self.engine
        if revision is None:
            raise NotSupported(f"{self.storage!r} keeps no revisions: no conditional requests")
        condition.check(revision if there else 0)
        # What holds for any revision is left to the change itself.
        tags = (condition.match, condition.none_match)
        named = any(tag is not None and not tag.any for tag in tags)
        return self.engine.at(revision) if named else self.engine

    def body(self, *fields: str) -> dict[str, Any]:
        """The JSON object that was sent; an empty body is an empty one."""
        request, limit = self.request, bodies.json_limit(self.storage.max_value_size)
        if not fields or (not bodies.media_type(request) and _is_empty(request)):
            return {}
        document = bodies.read_object(request, limit)
        reject_unknown(document, set(fields))
        return document

    def sent(self, media_type: str = "application/json") -> dict[str, Any]:
        """The object that was sent, with any fields."""
        limit = bodies.json_limit(self.storage.max_value_size)
        document = bodies.read_json(self.request, limit, media_type)
        if not isinstance(document, dict):
            raise InvalidValue("the body must be a JSON object")
        return document

    # The browsable page

    def breadcrumbs(self) -> list[tuple[str, str]]:
        way = [("Engines", reverse(self.route("aliases")))]
        if self.alias is not None:
            way.append((self.alias, reverse(self.route("status"), args=[self.alias])))
        if self.name not in ("Engines", "Engine"):
            way.append((self.name, self.request.get_full_path()))
        return way

    def get_exception_handler(self) -> Callable[..., Any]:
        return exception_handler


class NamedView(DocumentView):
    """A view of something in the document that has a name, in the path or as ``?name=``.

    The second is for names that clients tidy away, as ``..``.
    """

    #: what the path ends in after the name, for these methods; for others the path is all name
    action: ClassVar[str] = ""
    acts_on: ClassVar[tuple[str, ...]] = ("POST",)

    @property
    def acts(self) -> bool:
        """Whether the request asks for the action, and not for what bears its name."""
        named = "name" in self.kwargs or "name" in self.request.query_params
        return self.request.method in self.acts_on and (named or self.request.method == "POST")

    @property
    def named(self) -> str:
        """The name; InvalidValue unless it is given once."""
        path, query = self.kwargs.get("name"), self.request.query_params.get("name")
        if self.action and not self.acts:
            path = self.action if path is None else f"{path}/{self.action}"
        if path is not None and query is not None:
            raise InvalidValue("the name is given twice, in the path and as ?name=")
        found = query if path is None else path
        if found is None:
            raise InvalidValue("give a name, in the path or as ?name=")
        return str(found)


def text_of(document: dict[str, Any], name: str, default: str | None = None) -> str:
    """A text of the body; InvalidValue when it is missing or something else."""
    found = document.get(name, default)
    if not isinstance(found, str):
        raise InvalidValue(f"{name} must be a text" if name in document else f"{name} is missing")
    return found


def flag_of(document: dict[str, Any], name: str, default: bool | None = None) -> bool | None:
    """A true or false of the body."""
    found = document.get(name, default)
    if found is not None and not isinstance(found, bool):
        raise InvalidValue(f"{name} must be true or false")
    return found


def _is_empty(request: Request) -> bool:
    return request._request.META.get("CONTENT_LENGTH") in (None, "", "0")
