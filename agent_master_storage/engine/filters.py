"""The filters of ``list_servers``: those of the Go engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .types import Server


@dataclass(frozen=True, kw_only=True)
class ServerFilter:
    """What a server must be like; None asks for nothing."""

    enabled: bool | None = None
    transport: str | None = None
    #: what it came from: user, import ...
    source: str | None = None
    #: a shell pattern, as ``git*``; case counts
    name_pattern: str | None = None
    #: names of destinations, of which it goes to one at least
    sync_targets: Sequence[str] | None = None
    project_specific: bool | None = None
    #: of which it has all
    tags: Sequence[str] | None = None

    def select(self, servers: Iterable[Server]) -> list[Server]:
        """The servers that match, by name."""
        return sorted(filter(self.matches, servers), key=lambda server: server.name)

    def matches(self, server: Server) -> bool:
        internal = server.internal
        wanted = (
            (self.enabled, internal.enabled),
            (self.transport, server.transport),
            (self.source, internal.source),
            (self.project_specific, internal.project_specific),
        )
        return (
            all(want is None or want == found for want, found in wanted)
            and (self.name_pattern is None or fnmatchcase(server.name, self.name_pattern))
            and (self.sync_targets is None or any(map(internal.goes_to, self.sync_targets)))
            and (self.tags is None or set(self.tags) <= set(internal.tags))
        )
