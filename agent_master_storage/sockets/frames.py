"""The text frames: what a client may ask, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import wire
from ..exceptions import InvalidValue, StorageError
from ..keys import check_revision
from ..types import Entry
from ..watch import Batch, Selector
from ..watch.log import PAGE_BYTES

MAX_ID_LENGTH = 128
#: seconds between two progress frames of a watch
PROGRESS_RANGE = (0.1, 3600)

_WATCH_FIELDS = {"op", "id", "key", "prefix", "since", "epoch", "snapshot", "progress"}


class FrameError(StorageError):
    """A frame that is refused; the socket stays. ``code`` and ``id`` go into the answer."""

    def __init__(self, code: str, detail: str, id: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.id = id


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchRequest:
    """A checked ``watch`` frame."""

    id: str
    selector: Selector
    since: int | None = None
    epoch: str | None = None
    snapshot: bool = False
    progress: float | None = None


def parse(text: str) -> dict[str, Any]:
    """Return the JSON object of a frame."""
    try:
        frame = wire.loads(text)
    except InvalidValue as error:
        raise FrameError("invalid_frame", str(error)) from error
    if not isinstance(frame, dict):
        raise FrameError("invalid_frame", "a frame is a JSON object")
    return frame


def id_of(frame: Mapping[str, Any]) -> str:
    """Return the frame's ``id``: a string of 1 to 128 characters."""
    id = frame.get("id")
    if isinstance(id, str) and 1 <= len(id) <= MAX_ID_LENGTH:
        return id
    raise FrameError("invalid_frame", f"id must be a string of 1 to {MAX_ID_LENGTH} characters")


def watch_request(frame: Mapping[str, Any]) -> WatchRequest:
    """Check a ``watch`` frame. A field that is not known is refused, it may be a slip."""
    id = id_of(frame)
    try:
        return _watch_request(id, frame)
    except FrameError as error:
        error.id = id
        raise
    except InvalidValue as error:
        raise FrameError("invalid_frame", str(error), id) from error


def _watch_request(id: str, frame: Mapping[str, Any]) -> WatchRequest:
    unknown = set(frame) - _WATCH_FIELDS
    if unknown:
        raise FrameError("invalid_frame", f"unknown field {sorted(unknown)[0]!r}")
    if ("key" in frame) == ("prefix" in frame):
        raise FrameError("invalid_frame", "give either key or prefix")
    since, snapshot, epoch = (
        frame.get("since"),
        frame.get("snapshot", False),
        frame.get("epoch"),
    )
    if not isinstance(snapshot, bool):
        raise FrameError("invalid_frame", "snapshot must be true or false")
    if epoch is not None and not isinstance(epoch, str):
        raise FrameError("invalid_frame", "epoch must be a string")
    if since is not None and snapshot:
        raise FrameError("invalid_frame", "give since or snapshot, not both")
    return WatchRequest(
        id=id,
        selector=Selector.of(frame.get("prefix", ""), frame.get("key")),
        since=None if since is None else check_revision(since, "since"),
        epoch=epoch,
        snapshot=snapshot,
        progress=_progress(frame.get("progress")),
    )


def _progress(seconds: object) -> float | None:
    if seconds is None:
        return None
    low, high = PROGRESS_RANGE
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if is_number and low <= seconds <= high:  # type: ignore[operator]
        return float(seconds)  # type: ignore[arg-type]
    raise FrameError("invalid_frame", f"progress must be {low} to {high} seconds")


def dumps(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def error(error: StorageError, id: str | None) -> str:
    return dumps({"type": "error", "id": id, **wire.error(error)})


def snapshot(id: str, revision: int, epoch: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Frames of about PAGE_BYTES of values; at least one, the last with ``more`` false."""
    pages = list(_pages(entries)) or [[]]
    for number, page in enumerate(pages, 1):
        yield dumps(
            {
                "type": "snapshot",
                "id": id,
                "revision": revision,
                "epoch": epoch,
                "entries": [wire.entry(entry) for entry in page],
                "more": number < len(pages),
            }
        )


def _pages(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    start = size = 0
    for index, entry in enumerate(entries):
        size += len(entry.value) + len(entry.key) + 200
        if size >= PAGE_BYTES:
            yield entries[start : index + 1]
            start, size = index + 1, 0
    if start < len(entries):
        yield entries[start:]


def changes(id_text: str, batches: Sequence[Batch]) -> Iterator[str]:
    """Frames of whole revisions, as many in each as fit PAGE_BYTES.

    ``id_text`` is the id as JSON. What a batch says is encoded once, whoever reads it.
    """
    texts: list[str] = []
    size = revision = 0
    for batch in batches:
        for revision, text in _encoded(batch):
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


def _encoded(batch: Batch) -> Sequence[tuple[int, str]]:
    """The revisions of a batch, each with its changes as JSON."""
    encoded: list[tuple[int, str]] | None = batch.memo.get("frames")
    if encoded is None:
        encoded, texts = [], []
        for change in batch.changes:
            texts.append(dumps(wire.change(change)))
            if change.last:
                encoded.append((change.revision, ",".join(texts)))
                texts = []
        batch.memo["frames"] = encoded
    return encoded
