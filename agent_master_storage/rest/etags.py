"""If-Match and If-None-Match (RFC 9110, 13.1) on entries, whose ETag is ``"<revision>"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rest_framework.request import Request

from ..exceptions import InvalidValue
from .exceptions import PreconditionFailed

_TAG = re.compile(r'(W/)?"([^"]*)"')
# A list may have empty members. Each character can match in one way only, so that the pattern
# cannot backtrack exponentially.
_TAGS = re.compile(rf"[\s,]*{_TAG.pattern}(?:\s*,[\s,]*{_TAG.pattern})*[\s,]*")
_REVISION = re.compile(r"[1-9][0-9]{0,17}")


def etag(revision: int) -> str:
    return f'"{revision}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityTags:
    """The value of one header: any entry (``*``), or an entry at one of these revisions."""

    any: bool = False
    revisions: frozenset[int] = frozenset()

    def match(self, current: int) -> bool:
        """Return whether an entry at revision ``current`` matches; 0 (missing) never does."""
        return current > 0 and (self.any or current in self.revisions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Precondition:
    """The conditional headers of a request. It is false if the request has none."""

    match: EntityTags | None = None
    none_match: EntityTags | None = None

    @classmethod
    def of(cls, request: Request) -> Precondition:
        """Parse the headers.

        Raises:
            InvalidValue: A header is not a list of ETags. Ignoring it would overwrite the entry
                unconditionally.
        """
        return cls(
            # RFC 9110 requires strong comparison for If-Match and weak for If-None-Match.
            match=_parse(request, "If-Match", weak=False),
            none_match=_parse(request, "If-None-Match", weak=True),
        )

    def __bool__(self) -> bool:
        return self.match is not None or self.none_match is not None

    @property
    def revision(self) -> int | None:
        """The only revision that satisfies it (0: the key must not exist), None if not unique."""
        if self.none_match is not None:
            return 0 if self.none_match.any and self.match is None else None
        if self.match is not None and not self.match.any and len(self.match.revisions) == 1:
            return next(iter(self.match.revisions))
        return None

    def check(self, current: int) -> None:
        """Raise PreconditionFailed unless it holds for an entry at ``current`` (0: missing)."""
        if self.match is not None and not self.match.match(current):
            raise PreconditionFailed(current)
        if self.none_match is not None and self.none_match.match(current):
            raise PreconditionFailed(current)

    def not_modified(self, current: int) -> bool:
        """Return whether the response to a GET is 304."""
        if self.match is not None and not self.match.match(current):
            return False
        return self.none_match is not None and self.none_match.match(current)


def _parse(request: Request, name: str, *, weak: bool) -> EntityTags | None:
    header = request.headers.get(name)
    if header is None:
        return None
    if header.strip() == "*":
        return EntityTags(any=True)
    if not _TAGS.fullmatch(header):
        raise InvalidValue(f'{name} must be * or a list of quoted ETags such as "7"')
    tags = [tag for is_weak, tag in _TAG.findall(header) if weak or not is_weak]
    return EntityTags(revisions=frozenset(int(tag) for tag in tags if _REVISION.fullmatch(tag)))
