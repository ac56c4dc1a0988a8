"""Whether a log is still the one that was read.

A server that took over may lack the last revisions, and have given their numbers to other
changes by the time that we come back. So the last change that was read is remembered, and after
a failure looked for where it was.
"""

from __future__ import annotations

from dataclasses import replace

from ..exceptions import RevisionCompacted
from ..types import Change
from .log import Log, LogState, Page


class Anchor:
    """The last change that a tail has read of its log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._change: Change | None = None
        self._in_doubt = False

    def doubt(self) -> None:
        """The log may be another one from here on."""
        self._in_doubt = True

    def drop_at(self, state: LogState) -> None:
        """Stand at the end of the log."""
        try:
            self._change = self._last_change(state)
        except RevisionCompacted:
            # Dropped since; the reading that follows finds out.
            self._change = None
        self._in_doubt = False

    def follow(self, page: Page) -> None:
        """This was read."""
        if page.batches:
            self._change = _without_value(page.batches[-1].changes[-1])
        elif page.through <= page.state.compacted:
            # Dropped meanwhile: there is nothing to see again.
            self._change = None

    def holds(self, known: LogState) -> bool:
        """Whether the log goes on where it was read; asked only in doubt.

        RevisionCompacted and RevisionAhead as reading it on would raise them.
        """
        if not self._in_doubt:
            return True
        found = self._last_change(known)
        # In another epoch, the reading that follows finds out.
        self._in_doubt = False
        return found == self._change

    def _last_change(self, state: LogState) -> Change | None:
        """The one that ``state.revision`` ends with; None when it is known not to be held."""
        if state.revision <= state.compacted:
            return None
        found = self._log.last_of(state.revision)
        return found and _without_value(found)


def _without_value(change: Change) -> Change:
    """Who changed what and when tells it from any other."""
    return replace(change, type="delete", value=None)
