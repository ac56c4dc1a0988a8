"""The JSON text frames: validation of the client's, encoding of the server's, and limits."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import serialization
from ..exceptions import InvalidValue, StorageError
from ..keys import check_key, check_prefix, check_revision
from ..types import Entry
from ..watch import Batch, Selector
from ..watch.log import PAGE_BYTES

MAX_ID_LENGTH = 128
#: characters in the detail of an error
MAX_DETAIL_LENGTH = 800
#: seconds between two progress frames of a watch
PROGRESS_RANGE = (0.1, 3600)

#: the fields of each op; any other field is rejected, because it may be misspelt
FIELDS = {
    "watch": {"op", "id", "key", "prefix", "since", "epoch", "snapshot", "progress"},
    "unwatch": {"op", "id"},
    "ping": {"op", "id"},
}


_SURROGATE = re.compile("[\ud800-\udfff]")


class FrameError(StorageError):
    """A rejected frame. The socket stays open; ``code`` is part of the ``error`` frame."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchRequest:
    """A validated ``watch`` frame."""

    id: str
    selector: Selector
    since: int | None = None
    epoch: str | None = None
    snapshot: bool = False
    progress: float | None = None


def parse(text: str) -> dict[str, Any]:
    """Return the JSON object in a frame."""
    try:
        frame = serialization.loads(text)
    except InvalidValue as error:
        raise FrameError("invalid_frame", str(error)) from error
    if not isinstance(frame, dict):
        raise FrameError("invalid_frame", "a frame must be a JSON object")
    return frame


def op_of(frame: Mapping[str, Any]) -> str:
    """Return the ``op`` of a frame, after checking that the frame has no other fields."""
    op = frame.get("op")
    if not isinstance(op, str) or op not in FIELDS:
        raise FrameError("unknown_op", f"op must be one of {', '.join(FIELDS)}, not {op!r:.100}")
    unknown = set(frame) - FIELDS[op]
    if unknown:
        raise FrameError("invalid_frame", f"unknown field {sorted(unknown)[0]!r:.100}")
    return op


def id_of(frame: Mapping[str, Any]) -> str:
    """Return the ``id`` of a frame: a string of 1 to 128 characters, encodable as UTF-8."""
    id = frame.get("id")
    if isinstance(id, str) and 1 <= len(id) <= MAX_ID_LENGTH and not _SURROGATE.search(id):
        return id
    raise FrameError("invalid_frame", f"id must be a string of 1 to {MAX_ID_LENGTH} characters")


def watch_request(frame: Mapping[str, Any]) -> WatchRequest:
    """Return the validated ``watch`` frame.

    Raises:
        FrameError: A field is not valid.
        InvalidKey: The key or prefix is not valid.
    """
    id = id_of(frame)
    since, snapshot, epoch = frame.get("since"), frame.get("snapshot", False), frame.get("epoch")
    if not isinstance(snapshot, bool):
        raise FrameError("invalid_frame", "snapshot must be true or false")
    if epoch is not None and not isinstance(epoch, str):
        raise FrameError("invalid_frame", "epoch must be a string")
    if since is not None and snapshot:
        raise FrameError("invalid_frame", "give either since or snapshot, not both")
    return WatchRequest(
        id=id,
        selector=_selector(frame),
        since=_since(since),
        epoch=epoch,
        snapshot=snapshot,
        progress=_progress(frame.get("progress")),
    )


def _since(revision: Any) -> int | None:
    try:
        return None if revision is None else check_revision(revision, "since")
    except InvalidValue as error:
        raise FrameError("invalid_frame", str(error)) from error


def _selector(frame: Mapping[str, Any]) -> Selector:
    if ("key" in frame) == ("prefix" in frame):
        raise FrameError("invalid_frame", "give either key or prefix")
    if "key" in frame:
        # A null key must be an error and not a watch of all keys.
        return Selector(key=check_key(frame["key"]))
    return Selector(check_prefix(frame["prefix"]))


def _progress(seconds: object) -> float | None:
    if seconds is None:
        return None
    low, high = PROGRESS_RANGE
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if is_number and low <= seconds <= high:  # type: ignore[operator]
        return float(seconds)  # type: ignore[arg-type]
    raise FrameError("invalid_frame", f"progress must be from {low} to {high} seconds")


def dumps(frame: object) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def error(error: StorageError, id: object = None) -> str:
    """Return an error frame.

    Its detail may quote what the client sent, so it is shortened and must always be encodable.
    """
    body = serialization.error(error)
    body["detail"] = _shortened(body["detail"], MAX_DETAIL_LENGTH)
    id = _shortened(id, 2 * MAX_ID_LENGTH) if isinstance(id, str) else None
    # With escapes, because lone surrogates cannot be encoded as UTF-8.
    return json.dumps({"type": "error", "id": id, **body}, separators=(",", ":"))


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def snapshot(id: str, revision: int, epoch: str, entries: Sequence[Entry], more: bool) -> str:
    """Return a frame with a page of a snapshot; ``more`` is false for the last page."""
    return dumps(
        {
            "type": "snapshot",
            "id": id,
            "revision": revision,
            "epoch": epoch,
            "entries": [serialization.entry(entry) for entry in entries],
            "more": more,
        }
    )


def changes(id_text: str, batches: Sequence[Batch]) -> Iterator[str]:
    """Yield frames of whole revisions, each with as many as fit into PAGE_BYTES.

    Args:
        id_text: The id of the watch, encoded as JSON.
    """
    texts: list[str] = []
    size = revision = 0
    for batch in batches:
        for revision, text in encode(batch):
            texts.append(text)
            size += len(text)
            if size >= PAGE_BYTES:
                yield _changes_frame(id_text, revision, texts)
                texts, size = [], 0
    if texts:
        yield _changes_frame(id_text, revision, texts)


def _changes_frame(id_text: str, revision: int, texts: Sequence[str]) -> str:
    return (
        f'{{"type":"changes","id":{id_text},"revision":{revision},"changes":[{",".join(texts)}]}}'
    )


def encode(batch: Batch) -> Sequence[tuple[int, str]]:
    """Return the revisions of a batch with their changes as JSON.

    The result is stored in the batch, so that all sockets together encode it once.
    """
    encoded: list[tuple[int, str]] | None = batch.memo.get("frames")
    if encoded is None:
        encoded, texts = [], []
        for change in batch.changes:
            texts.append(dumps(serialization.change(change)))
            if change.last:
                encoded.append((change.revision, ",".join(texts)))
                texts = []
        batch.memo["frames"] = encoded
    return encoded


class TokenBucket:
    """A rate limit: it holds up to ``burst`` tokens and gains ``rate`` tokens per second."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take a token and return True, or return False if there is none."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
