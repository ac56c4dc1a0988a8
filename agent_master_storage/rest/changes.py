"""The change log over HTTP: a page, a long poll, or an endless stream of events.

The view is asynchronous, so that who waits holds no thread. DRF's own steps (authentication,
permission, throttling, rendering) are synchronous and run in the request's thread before and
after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from .. import permissions, serialization, shutdown
from ..authentication import Identity
from ..backends.logged import LoggedStorage
from ..exceptions import NotSupported
from ..watch import Page
from . import params
from .follower import Follower, let_go_of_thread
from .openapi import describe_changes
from .params import Query
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
        """Return the changes after ``?since=``, wait for some, or stream them as events."""
        query = _query(request)
        storage = self.storage
        if not isinstance(storage, LoggedStorage):
            raise NotSupported(f"{storage!r} keeps no change log")
        if _wants_events(request):
            self._require_asgi("an event stream")
            body = request.method != "HEAD"
            return await EventStream.open(storage, query, self._still_may(query), body=body)
        page = await _in_thread(lambda: _read(storage, query))
        if not page.batches and query.wait:
            self._require_asgi("waiting")
            page = await self._wait(storage, query, page)
        return Response(self._body(query, page))

    async def _wait(self, storage: LoggedStorage, query: Query, page: Page) -> Page:
        follower = Follower(storage, query.selector, page.through, page.state.epoch)
        try:
            await follower.open()
            await let_go_of_thread()
            if not await follower.wait(query.wait):
                return page
        finally:
            follower.close()
        return await _in_thread(lambda: _read(storage, query, page.through))

    def _body(self, query: Query, page: Page) -> dict[str, Any]:
        more = page.through < page.state.revision
        url = self.request.build_absolute_uri()
        return {
            "revision": page.through,
            "epoch": page.state.epoch,
            "results": [serialization.change(change, query.encoding) for change in page.changes],
            "next": replace_query_param(url, "since", page.through) if more else None,
        }

    def _still_may(self, query: Query) -> Callable[[], bool]:
        """Looks up the visitor anew: sessions end and rights are taken while a stream lasts."""
        http: Any = self.request._request
        # Django's test client has the query as text.
        scope = {**http.scope, "query_string": http.META["QUERY_STRING"].encode()}
        identity = Identity(scope, self.request.user)
        target = query.selector.key or query.selector.prefix

        def still_may() -> bool:
            try:
                return permissions.may(identity.user(), "view", str(self.alias), target)
            except APIException:
                return False

        return still_may

    def _require_asgi(self, what: str) -> None:
        if not hasattr(self.request._request, "scope"):
            raise NotSupported(f"{what} needs a server that speaks ASGI")

    # DRF's dispatch, with a handler that is awaited.

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


def _query(request: Request) -> Query:
    """What the request asks of the log; Last-Event-ID goes before the URL."""
    since, epoch = params.revision(request, "since"), params.text(request, "epoch") or None
    resumed = request.headers.get("Last-Event-ID")
    if resumed and _wants_events(request):
        since, epoch = parse_event_id(resumed)
    return Query(
        selector=params.selector(request),
        since=since,
        epoch=epoch,
        limit=params.limit(request),
        wait=params.wait(request),
        encoding=params.encoding(request),
    )


def _wants_events(request: Request) -> bool:
    return isinstance(getattr(request, "accepted_renderer", None), EventRenderer)


def _read(storage: LoggedStorage, query: Query, since: int | None = None) -> Page:
    state = storage.log_state()
    position = query.since if since is None else since
    position = state.compacted if position is None else position
    state.check(position, query.epoch)
    return storage.read_log(position, query.selector, limit=query.limit, whole=False)


async def _in_thread(function: Callable[[], T]) -> T:
    return await sync_to_async(function)()
