"""The a-verbs, in the event loop itself: no thread between the caller and the connection."""

from __future__ import annotations

from collections.abc import Iterable

from asgiref.sync import sync_to_async

from ...actor import current_actor
from ...exceptions import KeyNotFound
from ...keys import check_key, check_limit, check_prefix, check_revision, check_value
from ...types import Changes, Delete, Entries, Entry, Keys, Operation, Snapshot, Write
from ..commit import check_operations
from ..logged import LoggedStorage
from .async_client import AsyncServer
from .questions import Ask
from .schema import Names
from .steps import Plans
from .tracker import Tracker


class AsyncVerbs(LoggedStorage):
    """The twins of RedisStorage. What is not here goes through a thread, as in BaseStorage."""

    _async_server: AsyncServer
    _names: Names
    _plans: Plans
    _tracker: Tracker

    async def aread(self, key: str) -> bytes:
        """See read()."""
        value = await self._async_server.ask(Ask(("GET", self._names.value(check_key(key)))))
        if value is None:
            raise KeyNotFound(key)
        return value

    async def aentry(self, key: str, revision: int | None = None) -> Entry:
        """See entry()."""
        if revision is not None:
            return await super().aentry(key, revision)
        entry = await self._async_server.run(self._plans.get(check_key(key)))
        if entry is None:
            raise KeyNotFound(key)
        return entry

    async def alist(self, prefix: str = "") -> Keys:
        """See list()."""
        check_prefix(prefix)
        await self._afreshen()
        return await self._async_server.run(self._plans.keys(prefix))

    async def aentries(
        self, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Entries:
        """See entries()."""
        return (await self._ascan(prefix, after, limit)).entries

    async def asnapshot(self, prefix: str = "") -> Snapshot:
        """See snapshot()."""
        return await self._ascan(prefix, "", None)

    async def _ascan(self, prefix: str, after: str, limit: int | None) -> Snapshot:
        check_prefix(prefix)
        check_prefix(after, "after")
        check_limit(limit)
        await self._afreshen()
        return await self._async_server.run(self._plans.scan(prefix, after, limit, True))

    async def _afreshen(self) -> None:
        # The one connection that hears of others is shared with the threads.
        await sync_to_async(self._tracker.freshen, thread_sensitive=False)()

    async def arevision(self) -> int:
        """See revision."""
        return (await self._async_server.run(self._plans.state())).revision

    async def aepoch(self) -> str:
        """See epoch."""
        return (await self._async_server.run(self._plans.state())).epoch

    async def awrite(self, key: str, data: bytes, *, if_revision: int | None = None) -> int:
        """See write()."""
        check_key(key)
        data = check_value(data, self.max_value_size)
        plans, actor = self._plans, current_actor()
        if if_revision is not None:
            check_revision(if_revision, "if_revision")
        elif plans.may_put(data):
            answer = await self._async_server.ask(plans.put(key, data, actor))
            if answer is not None:
                return plans.was_put(answer)
        return await self._async_server.run(plans.write(Write(key, data, if_revision), actor))

    async def adelete(self, key: str, *, if_revision: int | None = None) -> int:
        """See delete()."""
        return (await self.atransact((Delete(key, if_revision),)))[0].revision

    async def acommit(self, operations: Iterable[Operation]) -> int:
        """See commit()."""
        changes = await self.atransact(operations)
        return changes[-1].revision if changes else await self.arevision()

    async def atransact(self, operations: Iterable[Operation]) -> Changes:
        """See transact()."""
        checked = check_operations(operations, self.max_value_size)
        return await self._async_server.run(self._plans.apply(checked, current_actor()))
