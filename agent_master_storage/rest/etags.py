"""If-Match and If-None-Match (RFC 9110, 13.1) on entries, whose ETag is ``"<revision>"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rest_framework.request import Request

from ..exceptions import InvalidValue
from .exceptions import PreconditionFailed

_TAG = re.compile(r'(W/)?"([^"]*)"')
# A list may have empty members. Each character fits in one way: no backtracking over and over.
_TAGS = re.compile(rf"[\s,]*{_TAG.pattern}(?:\s*,[\s,]*{_TAG.pattern})*[\s,]*")
_REVISION = re.compile(r"[1-9][0-9]{0,17}")


def etag(revision: int) -> str:
    return f'"{revision}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """What one of the headers names: any entry (``*``), or entries at these revisions."""

    any: bool = False
    revisions: frozenset[int] = frozenset()

    def match(self, current: int) -> bool:
        """Whether an entry at ``current`` is meant; 0, a missing one, never is."""
        return current > 0 and (self.any or current in self.revisions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """The conditions of a request; without one, every state will do."""

    match: Tags | None = None
    none_match: Tags | None = None

    @classmethod
    def of(cls, request: Request) -> Condition:
        """InvalidValue for a header that is no list of ETags: ignoring it would overwrite."""
        return cls(
            # Strong comparison here, weak there: RFC 9110 has it so.
            match=_tags(request, "If-Match", weak=False),
            none_match=_tags(request, "If-None-Match", weak=True),
        )

    def __bool__(self) -> bool:
        return self.match is not None or self.none_match is not None

    @property
    def revision(self) -> int | None:
        """The one revision that satisfies it (0: the key must be missing), if there is one."""
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

    def unchanged(self, current: int) -> bool:
        """Whether a GET is to be answered by 304."""
        if self.match is not None and not self.match.match(current):
            return False
        return self.none_match is not None and self.none_match.match(current)


def _tags(request: Request, name: str, *, weak: bool) -> Tags | None:
    header = request.headers.get(name)
    if header is None:
        return None
    if header.strip() == "*":
        return Tags(any=True)
    if not _TAGS.fullmatch(header):
        raise InvalidValue(f'{name} must be * or ETags such as "7", quoted')
    tags = [tag for is_weak, tag in _TAG.findall(header) if weak or not is_weak]
    return Tags(revisions=frozenset(int(tag) for tag in tags if _REVISION.fullmatch(tag)))
