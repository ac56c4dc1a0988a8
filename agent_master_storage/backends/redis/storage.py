"""RedisStorage: entries that a Go engine reads and writes beside us, with revisions and a log."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from redis import RedisError

from ...actor import current_actor
from ...exceptions import KeyNotFound
from ...keys import check_key, check_prefix, check_revision, check_value
from ...types import Change, Changes, Entry, Keys, Operation, Snapshot, Write
from ...watch import LogState, Page, Selector
from ...watch.log import PAGE_CHANGES
from ..logged import LoggedStorage
from .async_client import AsyncServer
from .async_storage import AsyncVerbs
from .client import Address, Server
from .questions import Ask
from .schema import Names
from .steps import Plans
from .tracker import Tracker
from .waiter import StreamWaiter

_SCHEMES = ("redis", "rediss", "unix")


class RedisStorage(AsyncVerbs, LoggedStorage):
    """Values are plain strings under ``<prefix>:<key>``; see ``schema.py`` for the rest."""

    def __init__(
        self,
        *,
        url: str = "redis://127.0.0.1:6379/0",
        prefix: str = "agent-master",
        max_connections: int = 50,
        timeout: float = 5.0,
        reconcile_interval: float = 60.0,
        **options: Any,
    ) -> None:
        """``url``: where Redis is, as redis-py has it. ``prefix``: what its keys begin with.

        ``max_connections``: in each process, and again in each event loop. ``timeout``: seconds
        to connect, for an answer, for a free connection. ``reconcile_interval``: seconds between
        two comparisons of everything with what is remembered.
        """
        super().__init__(**options)
        self.url = self._check_url(url)
        self.prefix = self._check_name(prefix)
        address = Address(
            url=url,
            max_connections=self._check_size("max_connections", max_connections),
            timeout=self._check_seconds("timeout", timeout),
        )
        try:
            self._server, self._async_server = Server(address), AsyncServer(address)
        except (ValueError, TypeError, LookupError, AttributeError, RedisError) as error:
            raise self._misconfigured(f"url: {error}") from error
        self._names = Names(prefix)
        self._plans = Plans(self._names, limits=self)
        self._tracker = Tracker(
            self.alias,
            self._server,
            self._plans,
            self._check_seconds("reconcile_interval", reconcile_interval),
            self.tail.wake,
        )

    # Reading

    def read(self, key: str) -> bytes:
        """See BaseStorage.read()."""
        value = self._server.ask(Ask(("GET", self._names.value(check_key(key)))))
        if value is None:
            raise KeyNotFound(key)
        return value

    def _get(self, key: str) -> Entry | None:
        return self._server.run(self._plans.get(key))

    def _keys(self, prefix: str) -> Keys:
        self._tracker.freshen()
        return self._server.run(self._plans.keys(prefix))

    def _scan(self, prefix: str, after: str, limit: int | None, values: bool) -> Snapshot:
        self._tracker.freshen()
        return self._server.run(self._plans.scan(prefix, after, limit, values))

    def _sizes(self, prefix: str, after: str, limit: int) -> Sequence[int]:
        self._tracker.freshen()
        return self._server.run(self._plans.sizes(prefix, after, limit))

    def _around(self, key: str, revision: int) -> tuple[Change | None, Change | None]:
        return self._server.run(self._plans.around(key, revision))

    def log_state(self) -> LogState:
        """See Log.log_state(); what was written before is not told as new, if that is known."""
        self._tracker.freshen_soon()
        return self._state()

    def _state(self) -> LogState:
        return self._server.run(self._plans.state())

    # Writing

    def write(self, key: str, data: bytes, *, if_revision: int | None = None) -> int:
        """See BaseStorage.write()."""
        check_key(key)
        data = check_value(data, self.max_value_size)
        plans, actor = self._plans, current_actor()
        if if_revision is not None:
            check_revision(if_revision, "if_revision")
        elif plans.may_put(data):
            answer = self._server.ask(plans.put(key, data, actor))
            if answer is not None:
                return plans.was_put(answer)
        return self._server.run(plans.write(Write(key, data, if_revision), actor))

    def _apply(self, operations: Sequence[Operation], actor: str) -> Changes:
        return self._server.run(self._plans.apply(operations, actor))

    # The log

    def _compact(self, revision: int) -> None:
        self._server.run(self._plans.compact(revision))

    def _renew(self, epoch: str | None) -> LogState:
        return self._server.run(self._plans.renew(epoch))

    def read_log(
        self,
        since: int,
        selector: Selector,
        *,
        limit: int = PAGE_CHANGES,
        whole: bool = True,
    ) -> Page:
        """See Log.read_log()."""
        return self._server.run(self._plans.log(since, selector, limit))

    def waiter(self, wake: threading.Event) -> StreamWaiter:
        """See Log.waiter()."""
        return StreamWaiter(
            self._server,
            self._names.log,
            wake,
            lambda: self.tail.revision or 0,
            self._plans.suspect,
            self._tracker.hold(),
        )

    def close(self) -> None:
        """See BaseStorage.close()."""
        super().close()
        self._tracker.close()
        self._server.close()
        self._async_server.close()

    # Options

    def _check_url(self, url: object) -> str:
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
        except ValueError as error:
            raise self._misconfigured(f"url: {error}") from error
        if not isinstance(url, str) or parts is None or parts.scheme not in _SCHEMES:
            raise self._misconfigured(
                f"url must be a str that begins with redis://, rediss:// or unix://, not {url!r}"
            )
        if parts.scheme != "unix" and not re.fullmatch("/?|/[0-9]+/?", parts.path):
            raise self._misconfigured(f"url: {parts.path[1:]!r} is no number of a database")
        return url

    def _check_name(self, prefix: object) -> str:
        try:
            if not prefix:
                raise ValueError("it is empty")
            return check_prefix(prefix)  # type: ignore[arg-type]
        except ValueError as error:
            raise self._misconfigured(f"prefix: {error}") from error

    def _check_seconds(self, name: str, seconds: object) -> float:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise self._misconfigured(
                f"{name} must be a number of seconds above 0, not {seconds!r}"
            )
        return float(seconds)
