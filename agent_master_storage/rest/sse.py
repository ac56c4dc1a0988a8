"""Server-sent events: one event per revision, resumable with Last-Event-ID.

::

    id: 15:4f0c...
    event: changes
    data: {"revision": 15, "epoch": "4f0c...", "changes": [...]}

A block with only an id is a bookmark: everything up to that revision has been delivered. If an
error ends the stream, the last event is of type ``error``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse

from .. import serialization
from ..backends.base import BaseStorage
from ..exceptions import InvalidValue, StorageError, StorageUnavailable
from ..keys import check_revision
from ..types import Change
from ..watch import Batch
from .follower import Follower, release_request_thread
from .params import ChangeQuery
from .renderers import EVENT_STREAM

#: seconds without an event after which a bookmark is sent, so that proxies keep the connection
HEARTBEAT_INTERVAL = 15.0
#: seconds between two checks of the user's permission
RECHECK_INTERVAL = 30.0
#: milliseconds until a client reconnects
RETRY = 1000

_ID = re.compile(r"([0-9]{1,19}):([0-9A-Za-z-]{1,64})")


def parse_event_id(text: str) -> tuple[int, str]:
    """Return the revision and the epoch in a Last-Event-ID."""
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise InvalidValue("Last-Event-ID must be <revision>:<epoch>")
    return check_revision(int(match[1]), "Last-Event-ID"), match[2]


class EventStream:
    """One response, until the client, the server or an error ends it."""

    def __init__(
        self, storage: BaseStorage, query: ChangeQuery, may_view: Callable[[], bool]
    ) -> None:
        self._storage = storage
        self._query = query
        self._may_view = may_view
        self._loop = asyncio.get_running_loop()
        self._follower: Follower | None = None

    @classmethod
    async def open(
        cls, storage: BaseStorage, query: ChangeQuery, may_view: Callable[[], bool], *, body: bool
    ) -> HttpResponse | StreamingHttpResponse:
        """Return the response; errors that are found before it starts have their own status.

        Args:
            may_view: Called in a thread every RECHECK_INTERVAL seconds. The stream ends when it
                returns False.
            body: False for HEAD, which gets the headers only.
        """
        stream = cls(storage, query, may_view)
        since, epoch = await sync_to_async(stream._start)()
        headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        if not body:
            return HttpResponse(content_type=EVENT_STREAM, headers=headers)
        return EventResponse(stream, since, epoch, headers)

    def _start(self) -> tuple[int, str]:
        # The first call records how the user authenticated; later calls verify only that.
        self._may_view()
        state = self._storage.log_state()
        since = state.revision if self._query.since is None else self._query.since
        state.check(since, self._query.epoch)
        return since, state.epoch

    async def events(self, since: int, epoch: str) -> AsyncIterator[bytes]:
        """Yield the whole stream as bytes."""
        # Not earlier: a response that is never sent must not hold a subscription.
        self._follower = follower = Follower(self._storage, self._query.selector, since, epoch)
        try:
            await follower.open()
            await release_request_thread()
            yield f"retry: {RETRY}\n".encode() + _bookmark(follower)
            async for event in self._follow(follower):
                yield event
        except StorageError as error:
            yield _event("error", serialization.error(error))
        finally:
            follower.close()

    def close(self) -> None:
        """End the subscription: the client has gone."""
        if self._follower is not None:
            self._follower.close()

    async def _follow(self, follower: Follower) -> AsyncIterator[bytes]:
        recheck_at = self._loop.time() + RECHECK_INTERVAL
        while not follower.stopping:
            try:
                batches = await follower.next(HEARTBEAT_INTERVAL)
            except StorageUnavailable:
                await follower.pause()
                continue
            if self._loop.time() >= recheck_at:
                recheck_at = self._loop.time() + RECHECK_INTERVAL
                if not await follower.run_in_pool(self._may_view):
                    yield _event("error", _PERMISSION_REVOKED)
                    return
            for event in self._encoded(batches, follower.subscription.epoch):
                yield event
            if not batches:
                yield _bookmark(follower)

    def _encoded(self, batches: list[Batch], epoch: str) -> Iterator[bytes]:
        for batch in batches:
            revision: list[Change] = []
            for change in batch.changes:
                revision.append(change)
                if change.last:
                    yield self._changes(revision, epoch)
                    revision = []

    def _changes(self, changes: list[Change], epoch: str) -> bytes:
        revision = changes[0].revision
        data = {
            "revision": revision,
            "epoch": epoch,
            "changes": [serialization.change(change, self._query.encoding) for change in changes],
        }
        return f"id: {revision}:{epoch}\n".encode() + _event("changes", data)


class EventResponse(StreamingHttpResponse):
    """A response that ends its stream when closed, wherever the stream is suspended."""

    def __init__(
        self, stream: EventStream, since: int, epoch: str, headers: dict[str, str]
    ) -> None:
        events = stream.events(since, epoch)
        super().__init__(events, content_type=EVENT_STREAM, headers=headers)
        self._stream = stream

    def close(self) -> None:
        """End the stream; Django calls this in a thread."""
        self._stream.close()
        super().close()


_PERMISSION_REVOKED = {
    "detail": "you no longer have permission to view this",
    "code": "permission_denied",
}


def _bookmark(follower: Follower) -> bytes:
    subscription = follower.subscription
    return f"id: {subscription.bookmark}:{subscription.epoch}\n\n".encode()


def _event(name: str, data: Any) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode(errors="backslashreplace")
