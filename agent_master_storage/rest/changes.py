"""The change log over HTTP: a page, a long poll, or an endless event stream.

The view is asynchronous, so that a waiting request does not occupy a thread. DRF's own steps
(authentication, permissions, throttling, rendering) are synchronous and run in the request's
thread before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from .. import permissions, serialization, shutdown
from ..authentication import Identity
from ..backends.base import BaseStorage
from ..exceptions import NotSupported
from ..watch import Page
from . import params
from .follower import Follower, release_request_thread
from .openapi import describe_changes
from .pagination import next_link
from .params import ChangeQuery
from .renderers import EventRenderer, JsonRenderer, PageRenderer
from .sse import EventStream, parse_event_id
from .views import StorageView

T = TypeVar("T")


@describe_changes
class ChangesView(StorageView):
    """The change log of a storage."""

    renderer_classes: Any = (JsonRenderer, PageRenderer, EventRenderer)
    name = "Changes"

    async def get(self, request: Request, alias: str) -> HttpResponseBase:
        """Return the changes after ``?since=``, wait for changes, or stream them as events."""
        query = _change_query(request)
        storage = self.storage
        if not storage.supports_resume:
            raise NotSupported(f"{storage!r} does not support a change log")
        if _wants_events(request):
            self._require_asgi("an event stream")
            body = request.method != "HEAD"
            return await EventStream.open(storage, query, self._permission_check(query), body=body)
        page = await _in_thread(lambda: _read(storage, query))
        if not page.batches and query.wait:
            self._require_asgi("waiting")
            page = await self._wait(storage, query, page)
        return Response(self._body(query, page))

    async def _wait(self, storage: BaseStorage, query: ChangeQuery, page: Page) -> Page:
        follower = Follower(storage, query.selector, page.through, page.state.epoch)
        try:
            await follower.open()
            await release_request_thread()
            if not await follower.wait(query.wait):
                return page
        finally:
            follower.close()
        return await _in_thread(lambda: _read(storage, query, page.through))

    def _body(self, query: ChangeQuery, page: Page) -> dict[str, Any]:
        more = page.through < page.state.revision
        return {
            "revision": page.through,
            "epoch": page.state.epoch,
            "results": [serialization.change(change, query.encoding) for change in page.changes],
            "next": next_link(self.request, "since", page.through if more else None),
        }

    def _permission_check(self, query: ChangeQuery) -> Callable[[], bool]:
        """Return a function that returns whether the user may still view these changes.

        It looks the user up again on each call: during a long stream the session may end, and
        permissions may be revoked.
        """
        http: Any = self.request._request
        # The query_string in the scope of Django's test client is a str, not bytes.
        scope = {**http.scope, "query_string": http.META["QUERY_STRING"].encode()}
        identity = Identity(scope, self.request.user)
        target = query.selector.key or query.selector.prefix

        def may_view() -> bool:
            try:
                return permissions.may(identity.user(), "view", str(self.alias), target)
            except APIException:
                return False

        return may_view

    def _require_asgi(self, what: str) -> None:
        if not hasattr(self.request._request, "scope"):
            raise NotSupported(f"{what} requires an ASGI server")

    # DRF's dispatch(), with an awaited handler.

    async def dispatch(  # type: ignore[override]
        self, request: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        shutdown.listen()
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            await _in_thread(lambda: self.initial(self.request, *args, **kwargs))
            response = await self._handle(*args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
        return self.finalize_response(self.request, response, *args, **kwargs)

    async def _handle(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.request.method in ("GET", "HEAD"):
            return await self.get(self.request, *args, **kwargs)
        handler = self.options if self.request.method == "OPTIONS" else self.http_method_not_allowed
        return await _in_thread(lambda: handler(self.request, *args, **kwargs))


def _change_query(request: Request) -> ChangeQuery:
    """Return the validated parameters; Last-Event-ID takes precedence over the URL."""
    since, epoch = params.revision(request, "since"), params.text(request, "epoch") or None
    resumed = request.headers.get("Last-Event-ID")
    if resumed and _wants_events(request):
        since, epoch = parse_event_id(resumed)
    return ChangeQuery(
        selector=params.selector(request),
        since=since,
        epoch=epoch,
        limit=params.limit(request),
        wait=params.wait(request),
        encoding=params.encoding(request),
    )


def _wants_events(request: Request) -> bool:
    return isinstance(getattr(request, "accepted_renderer", None), EventRenderer)


def _read(storage: BaseStorage, query: ChangeQuery, since: int | None = None) -> Page:
    state = storage.log_state()
    position = query.since if since is None else since
    position = state.compacted if position is None else position
    state.check(position, query.epoch)
    return storage.read_log(position, query.selector, limit=query.limit, whole=False)


async def _in_thread(function: Callable[[], T]) -> T:
    return await sync_to_async(function)()
