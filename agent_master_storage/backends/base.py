"""The interface of every storage, and all that a custom adapter has to subclass.

Five methods make an adapter: read, write, delete, list, watch. Whatever an adapter does not
say that it supports raises NotSupported, so that nobody gets a wrong answer::

    class DictStorage(BaseStorage):
        def __init__(self, **options):
            super().__init__(**options)
            self.values = {}

        def read(self, key):
            try:
                return self.values[key]
            except KeyError:
                raise KeyNotFound(key) from None
        ...

Keys, prefixes and values are checked before these methods see them, and a condition
(``if_revision``) is refused for them: they hold no line about either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from .. import serialization as wire
from ..exceptions import NotSupported
from ..types import (
    Change,
    Changes,
    Entries,
    Entry,
    Keys,
    Operation,
    Snapshot,
    Unsubscribe,
    WatchHandler,
)
from ..watch import LogState, Page, Selector, Subscription
from ..watch.log import PAGE_BYTES, PAGE_CHANGES
from .guards import GUARDS

DEFAULT_MAX_VALUE_SIZE = 1024 * 1024
DEFAULT_HISTORY_LIMIT = 10_000
DEFAULT_HISTORY_BYTES = 64 * 1024 * 1024


class BaseStorage:
    """A key/value store with an alias. Safe to use from many threads and event loops."""

    # Whether entries carry revisions: entry(), entries(), revision, if_revision.
    supports_revisions: ClassVar[bool] = False

    # Whether several operations can be committed as one: commit().
    supports_commit: ClassVar[bool] = False

    # Whether there is a change log to read and resume from: changes(), history(),
    # snapshot(), compact(), epoch.
    supports_resume: ClassVar[bool] = False

    # Whether a call may wait for a disk or a network. The a-prefixed twins of one that
    # does not are called in the event loop; the others go through a thread.
    does_io: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alias: str = "default",
        max_value_size: int = DEFAULT_MAX_VALUE_SIZE,
        history_limit: int = DEFAULT_HISTORY_LIMIT,
        history_bytes: int = DEFAULT_HISTORY_BYTES,
        **unknown: Any,
    ) -> None:
        """``alias`` is the name in the setting; the rest are its OPTIONS.

        ``max_value_size``: bytes in one value. ``history_limit``, ``history_bytes``: changes,
        and bytes of their values, that the log keeps. ImproperlyConfigured for another option.
        """
        self.alias = alias
        if unknown:
            raise self._misconfigured(f"unknown option {', '.join(map(repr, sorted(unknown)))}")
        self.max_value_size = self._check_size("max_value_size", max_value_size)
        self.history_limit = self._check_size("history_limit", history_limit)
        self.history_bytes = self._check_size("history_bytes", history_bytes)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the checks before the five methods of an adapter that has nothing more."""
        super().__init_subclass__(**kwargs)
        if not cls.supports_revisions:
            for name, guard in GUARDS.items():
                if name in vars(cls):
                    setattr(cls, name, guard(vars(cls)[name]))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}>"

    # The five that an adapter writes.

    def read(self, key: str) -> bytes:
        """Return the value of ``key``; KeyNotFound when there is none."""
        raise NotSupported(f"{self!r} does not read")

    def write(self, key: str, data: bytes, *, if_revision: int | None = None) -> int | None:
        """Set ``key`` to ``data`` and return the new revision.

        With ``if_revision``, RevisionConflict unless the entry stands at it; 0: must not
        exist. InvalidKey, InvalidValue: nothing was written. An adapter without revisions
        returns None.
        """
        raise NotSupported(f"{self!r} does not write")

    def delete(self, key: str, *, if_revision: int | None = None) -> int | None:
        """Remove ``key`` and return the new revision; KeyNotFound when there is none."""
        raise NotSupported(f"{self!r} does not delete")

    def list(self, prefix: str = "") -> Keys:
        """Return the keys that begin with exactly ``prefix``, sorted by code point."""
        raise NotSupported(f"{self!r} does not list")

    def watch(self, key: str, handler: WatchHandler) -> Unsubscribe:
        """Call ``handler(value)`` after each later change of ``key``; None: it was deleted.

        Calls come one after another, in order, from a thread of the storage. One that raises
        is logged, the next still comes. When the function returned here has been called, no
        new call starts; it may be called inside the handler. TypeError for what can't be called
        so, such as a coroutine function.
        """
        raise NotSupported(f"{self!r} does not watch")

    # supports_revisions

    def entry(self, key: str, revision: int | None = None) -> Entry:
        """Return the entry of ``key``, or as it stood at ``revision``.

        KeyNotFound: it was not there. RevisionCompacted: the log no longer tells.
        RevisionAhead: there has been no such revision.
        """
        raise NotSupported(f"{self!r} keeps no revisions")

    def entries(self, prefix: str = "", after: str = "", limit: int | None = None) -> Entries:
        """Return the entries whose key begins with ``prefix`` and sorts after ``after``."""
        raise NotSupported(f"{self!r} keeps no revisions")

    @property
    def revision(self) -> int:
        """The revision of the last change; 0 before anything."""
        raise NotSupported(f"{self!r} keeps no revisions")

    # supports_commit

    def commit(self, operations: Iterable[Operation]) -> int:
        """Do all of ``operations`` as one revision, or none of them, and return it.

        A key appears at most once in writes and deletes (InvalidValue). Checks alone change
        nothing and return the present revision. An error carries the ``index`` of its
        operation.
        """
        raise NotSupported(f"{self!r} does not commit several operations at once")

    def transact(self, operations: Iterable[Operation]) -> Changes:
        """commit() that returns the changes it made, one for each write and delete."""
        raise NotSupported(f"{self!r} does not commit several operations at once")

    # supports_resume

    @property
    def epoch(self) -> str:
        """Random; another one means that the store was emptied or set back."""
        raise NotSupported(f"{self!r} keeps no change log")

    @property
    def oldest(self) -> int:
        """The oldest revision that the log still holds, or would hold: resume from one less."""
        raise NotSupported(f"{self!r} keeps no change log")

    def snapshot(self, prefix: str = "") -> Snapshot:
        """Return all entries under ``prefix`` at one moment, with its revision and epoch."""
        raise NotSupported(f"{self!r} keeps no change log")

    def changes(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> Iterator[Change]:
        """Return an endless iterator of the changes after ``since``; it waits for more.

        None: from this call on. Errors (RevisionCompacted, also for another ``epoch``;
        RevisionAhead) are raised here or by the first next(). Resume only from the revision
        of a change whose ``last`` is true.
        """
        raise NotSupported(f"{self!r} keeps no change log")

    def history(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        limit: int | None = None,
    ) -> Changes:
        """Return the changes after ``since`` that the log holds, without waiting.

        None: from the oldest held. ``limit`` counts changes; it never splits a revision, so
        that more may come.
        """
        raise NotSupported(f"{self!r} keeps no change log")

    def compact(self, revision: int) -> None:
        """Drop the changes up to and including ``revision``. Entries are never touched."""
        raise NotSupported(f"{self!r} keeps no change log")

    def new_epoch(self) -> str:
        """Begin a new epoch, to be done after a restore, and return it."""
        raise NotSupported(f"{self!r} keeps no change log")

    # supports_resume: what the REST API, websockets, the admin and the commands build on.

    def page(
        self,
        prefix: str = "",
        after: str = "",
        limit: int = PAGE_CHANGES,
        *,
        max_bytes: int = PAGE_BYTES,
        values: bool = True,
    ) -> Snapshot:
        """Return entries() with revision and epoch, ending early near ``max_bytes`` of values.

        Args:
            values: If false, the values are not loaded and left empty.
        """
        raise NotSupported(f"{self!r} keeps no change log")

    def sizes(self, prefix: str = "", after: str = "", limit: int = PAGE_CHANGES) -> Sequence[int]:
        """Return the lengths of the values that page() would return, in bytes."""
        raise NotSupported(f"{self!r} keeps no change log")

    def subscribe(
        self,
        *,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
        notify: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Subscription:
        """Return a subscription to the change log; see Subscription for ``notify`` and ``loop``.

        ``prefix``, ``key``, ``since`` and ``epoch`` are those of changes().
        """
        raise NotSupported(f"{self!r} keeps no change log")

    def log_state(self) -> LogState:
        """Return revision, epoch and compaction of the log, outside the caller's transaction."""
        raise NotSupported(f"{self!r} keeps no change log")

    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page:
        """Return a page of the change log; see ``watch.log.Log.read_log()``."""
        raise NotSupported(f"{self!r} keeps no change log")

    def release(self) -> None:
        """Release the connections of this thread, which will not use them for a while."""

    # Conveniences on top of the above.

    def read_json(self, key: str) -> Any:
        """Return the value of ``key`` as the JSON document it holds; InvalidValue if none."""
        return wire.loads(self.read(key))

    def write_json(self, key: str, document: Any, *, if_revision: int | None = None) -> int | None:
        """Write ``document`` as JSON with an indent of two; InvalidValue if it is not JSON."""
        return self.write(key, wire.dumps(document).encode(), if_revision=if_revision)

    def close(self) -> None:
        """End all subscriptions and let go of every connection; called at exit."""

    # Async twins.

    async def _async(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self.does_io:
            return function(*args, **kwargs)
        return await sync_to_async(function)(*args, **kwargs)

    async def aread(self, key: str) -> bytes:
        """See read()."""
        return await self._async(self.read, key)

    async def awrite(self, key: str, data: bytes, *, if_revision: int | None = None) -> int | None:
        """See write()."""
        return await self._async(self.write, key, data, if_revision=if_revision)

    async def adelete(self, key: str, *, if_revision: int | None = None) -> int | None:
        """See delete()."""
        return await self._async(self.delete, key, if_revision=if_revision)

    async def alist(self, prefix: str = "") -> Keys:
        """See list()."""
        return await self._async(self.list, prefix)

    async def awatch(self, key: str, handler: WatchHandler) -> Unsubscribe:
        """See watch(); the handler is called in a thread of the storage."""
        return await self._async(self.watch, key, handler)

    async def aentry(self, key: str, revision: int | None = None) -> Entry:
        """See entry()."""
        return await self._async(self.entry, key, revision=revision)

    async def aentries(
        self, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Entries:
        """See entries()."""
        return await self._async(self.entries, prefix, after=after, limit=limit)

    async def arevision(self) -> int:
        """See revision."""
        return await self._async(lambda: self.revision)

    async def acommit(self, operations: Iterable[Operation]) -> int:
        """See commit()."""
        return await self._async(self.commit, operations)

    async def atransact(self, operations: Iterable[Operation]) -> Changes:
        """See transact()."""
        return await self._async(self.transact, operations)

    async def aepoch(self) -> str:
        """See epoch."""
        return await self._async(lambda: self.epoch)

    async def asnapshot(self, prefix: str = "") -> Snapshot:
        """See snapshot()."""
        return await self._async(self.snapshot, prefix)

    def achanges(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> AsyncIterator[Change]:
        """See changes()."""
        raise NotSupported(f"{self!r} keeps no change log")

    async def ahistory(
        self,
        prefix: str = "",
        key: str | None = None,
        since: int | None = None,
        limit: int | None = None,
    ) -> Changes:
        """See history()."""
        return await self._async(self.history, prefix, key=key, since=since, limit=limit)

    async def acompact(self, revision: int) -> None:
        """See compact()."""
        await self._async(self.compact, revision)

    async def aread_json(self, key: str) -> Any:
        """See read_json()."""
        return await self._async(self.read_json, key)

    async def awrite_json(
        self, key: str, document: Any, *, if_revision: int | None = None
    ) -> int | None:
        """See write_json()."""
        return await self._async(self.write_json, key, document, if_revision=if_revision)

    def _check_size(self, name: str, size: int) -> int:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise self._misconfigured(f"{name} must be a whole number from 1, not {size!r}")
        return size

    def _misconfigured(self, fault: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"AGENT_MASTER_STORAGE[{self.alias!r}]: {fault}")
