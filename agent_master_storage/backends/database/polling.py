"""Waiting for changes in a store that can't notify: the Channels layer, and polling behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...watch.channel_layer import courier

#: seconds between two looks: from the first after a change, growing to the last
INTERVALS = (0.02, 1.0)


class PollingWaiter:
    """Looks often while there are changes and once a second when there are none.

    A wake-up by the Channels layer, where one is configured, makes it look at once. While it
    polls slowly it holds no connection.
    """

    def __init__(
        self,
        group: str,
        wake: threading.Event,
        release: Callable[[], None],
        revision: Callable[[], int | None],
    ) -> None:
        """``revision`` tells how far the log has been read."""
        self._group = group
        self._wake = wake
        self._release = release
        self._revision = revision
        self._seen: int | None = None
        self._interval = INTERVALS[0]
        courier.listen(group, wake)

    def arm(self) -> None:
        """See Waiter.arm()."""

    def wait(self) -> None:
        """See Waiter.wait()."""
        seen, self._seen = self._seen, self._revision()
        if self._seen != seen:
            self._interval = INTERVALS[0]
        if self._interval > 0.25:
            self._release()
        if self._wake.wait(self._interval):
            self._interval = INTERVALS[0]
        else:
            self._interval = min(self._interval * 1.5, INTERVALS[1])

    def close(self) -> None:
        """See Waiter.close()."""
        courier.ignore(self._group, self._wake)
