"""Servers: list, add, get, put, patch, delete; enable, disable, rename."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ...exceptions import InvalidValue
from ...rest import params
from ...rest.parsers import MERGE_PATCH, JsonParser, MergePatchParser
from .. import Document, Engine, Server
from .. import representations as faces
from ..document_store import retry_conflicts
from ..exceptions import ServerChanged, ServerExists, ServerNotFound
from ..servers import ServerFilter
from . import openapi
from .base import NamedView, text_of
from .reading import Given

#: what the browsable page begins its form with
SAMPLE = {"config": {"transport": "stdio", "command": "", "args": [], "env": {}}, "enabled": True}


class ServersView(NamedView):
    """What all views of servers can do."""

    name = "Servers"
    parser_classes: Any = (JsonParser, MergePatchParser)

    def one(self, name: str, status: int = 200) -> Response:
        """A server as it stands now."""
        secrets = self.shows_secrets()
        look = self.look()
        server = look.document.server(name)
        return Response(faces.server(server, secrets=secrets), status, headers=look.headers)

    def engine_for(self, name: str) -> Engine:
        """The engine that changes this server under the request's condition."""
        return self.changing(lambda document: name in document.servers)


class ServerView(ServersView):
    """One server, by the name in the path."""

    name = "Server"
    sample = SAMPLE

    @openapi.described("engine_server_read", openapi.READ)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a server."""
        name, look = self.named, self.look()
        if answer := self.unchanged(look, name in look.document.servers):
            return answer
        return self.one(name)

    @openapi.described("engine_server_write", openapi.PUT)
    def put(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write a server whole: 201 when it is new, 200 when it was there."""
        name, document = self.named, self.sent()
        if document.get("name", name) != name:
            raise InvalidValue("the body's name is not the one of the URL")
        given = Given.of(document)
        self.shows_secrets()
        with self.acting():
            new = retry_conflicts(
                lambda: self._put(name, given), ServerChanged, ServerExists, ServerNotFound
            )
        return self.one(name, 201 if new else 200)

    def _put(self, name: str, given: Given) -> bool:
        """Whether it was new."""
        engine = self.engine_for(name)
        stored = _find(engine.config(), name)
        given.check_seen(name, stored)
        if stored is None:
            engine.add_server(name, given.filled({}), internal=given.internal)
            return True
        engine.update_server(
            name,
            given.filled(stored.config.to_dict()),
            internal=given.internal,
            if_unchanged=stored.fingerprint,
            replace=True,
        )
        return False

    @openapi.described("engine_server_patch", openapi.PATCH)
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Apply a JSON merge patch (RFC 7396) to a server, atomically."""
        name, patch = self.named, self.sent(MERGE_PATCH)
        if patch.get("name", name) != name:
            raise InvalidValue("a patch gives no new name: rename the server")
        given = Given.of(patch)
        self.shows_secrets()
        with self.acting():
            retry_conflicts(lambda: self._patch(name, given), ServerChanged)
        return self.one(name)

    def _patch(self, name: str, given: Given) -> None:
        engine = self.engine_for(name)
        stored = engine.get_server(name)
        given.check_seen(name, stored)
        engine.update_server(
            name,
            given.merged(stored.config.to_dict()),
            internal=given.merged_internal(stored.internal.to_dict()),
            if_unchanged=stored.fingerprint,
            replace=True,
        )

    @openapi.described("engine_server_delete", openapi.DELETE)
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a server."""
        name = self.named
        with self.acting():
            self.engine_for(name).remove_server(name)
        return Response(status=204)


@openapi.by_name
class ServersByNameView(ServerView):
    """The servers of a document; with ``?name=``, one of them."""

    name = "Servers"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the servers that match every filter, or return the one that ``?name=`` names."""
        if "name" in request.query_params:
            return super().get(request)
        secrets, wanted, look = self.shows_secrets(), _filter(request), self.look()
        if answer := self.unchanged(look):
            return answer
        found = wanted.select(look.document.list())
        body = {
            "revision": look.revision,
            "epoch": self.storage.epoch if self.storage.supports_resume else None,
            "results": [faces.server(server, secrets=secrets) for server in found],
            "next": None,
        }
        return Response(body, headers=look.headers)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a server; 409 when there is one of that name."""
        document = self.sent()
        name, given = text_of(document, "name"), Given.of(document)
        self.shows_secrets()
        with self.acting():
            self.changing().add_server(name, given.filled({}), internal=given.internal)
        return self.one(name, 201)


class ActionView(ServerView):
    """What is done to a server by POST."""

    def done(self, change: Callable[[Engine, str], object], new: str | None = None) -> Response:
        """Make the change and show the server."""
        name = self.named
        self.shows_secrets()
        with self.acting():
            change(self.engine_for(name), name)
        return self.one(new or name)


@openapi.hidden("get", "put", "patch", "delete")
class EnableView(ActionView):
    """Enables a server."""

    name = "Enable server"
    action = "enable"

    @openapi.described("engine_server_enable", openapi.ACT)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Enable a server: every destination that it goes to gets it."""
        return self.done(Engine.enable_server)


@openapi.hidden("get", "put", "patch", "delete")
class DisableView(ActionView):
    """Disables a server."""

    name = "Disable server"
    action = "disable"

    @openapi.described("engine_server_disable", openapi.ACT)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Disable a server: no destination has it any more."""
        return self.done(Engine.disable_server)


@openapi.hidden("get", "put", "patch", "delete")
class RenameView(ActionView):
    """Renames a server."""

    name = "Rename server"
    action = "rename"

    @openapi.described("engine_server_rename", openapi.RENAME)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give a server another name; 409 when that is taken."""
        new = text_of(self.body("new_name"), "new_name")
        return self.done(lambda engine, name: engine.rename_server(name, new), new)


def _find(document: Document, name: str) -> Server | None:
    return document.server(name) if name in document.servers else None


def _filter(request: Request) -> ServerFilter:
    query = request.query_params

    def flag(name: str) -> bool | None:
        return params.flag(request, name, True) if name in query else None

    return ServerFilter(
        enabled=flag("enabled"),
        transport=query.get("transport"),
        source=query.get("source"),
        name_pattern=query.get("name_pattern"),
        sync_targets=query.getlist("sync_target") or None,
        project_specific=flag("project_specific"),
        tags=query.getlist("tag") or None,
    )
