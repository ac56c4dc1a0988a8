"""Bytes as people see and edit them, and back without losing any.

A browser sends every line end of a text as CR LF, and cannot show control characters. So a
text that was edited gets its own line ends back, and bytes that a text field would harm are
edited as a file: by download and upload.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from operator import add
from typing import Literal, TypeAlias

from django.conf import settings

from .. import serialization as wire
from ..exceptions import InvalidValue
from . import jsontext

Kind: TypeAlias = Literal["json", "text", "file"]

#: bytes of a value that is shown or compared inside a page
SHOWN_SIZE = 256 * 1024
#: bytes of a value that is edited as text; larger ones are edited as files
EDITABLE_SIZE = 1024 * 1024
#: bytes of a binary value shown as hexadecimal numbers
HEX_SIZE = 256
#: characters of a value in a list
PREVIEW_LENGTH = 80

_LINE_END = re.compile("\r\n|\r|\n")
#: a text field drops or changes them, or shows nothing that could be edited
_UNEDITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Content:
    """A value, and what can be done with it on a page."""

    value: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.value)

    @property
    def shown(self) -> bool:
        """Whether it is small enough to stand in a page."""
        return self.size <= SHOWN_SIZE

    @cached_property
    def text(self) -> str | None:
        """The value as a text that a text field can hold, None when it is none."""
        try:
            text = self.value.decode()
        except UnicodeDecodeError:
            return None
        return None if _UNEDITABLE.search(text) else text

    @cached_property
    def kind(self) -> Kind:
        """How the value is edited."""
        if self.size > editable_size() or self.text is None:
            return "file"
        return "json" if is_json(self.text) else "text"

    @property
    def pretty(self) -> str:
        """The text to be read: JSON laid out in lines."""
        text = self.text or ""
        return jsontext.pretty(text) if is_json(text) else text

    @property
    def hex(self) -> str:
        """The first bytes as a hexadecimal dump."""
        head = self.value[:HEX_SIZE]
        return "\n".join(_hex_line(head, start) for start in range(0, len(head), 16))

    @property
    def hex_is_cut(self) -> bool:
        return self.size > HEX_SIZE

    @property
    def preview(self) -> str:
        """One short line for a list."""
        head = self.value[: 4 * PREVIEW_LENGTH].decode(errors="ignore")
        if self.text is None and self.size:
            return "binary"
        line = " ".join(head.split())
        return line if len(line) <= PREVIEW_LENGTH else line[: PREVIEW_LENGTH - 1] + "…"


def is_json(text: str) -> bool:
    """Whether ``text`` is a JSON document."""
    try:
        wire.loads(text)
    except InvalidValue:
        return False
    return True


def editable_size() -> int:
    """Bytes of a text that a form can carry: a request's limit counts line ends twice."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return EDITABLE_SIZE if limit is None else min(EDITABLE_SIZE, limit // 2)


def unify_line_ends(text: str) -> str:
    """``text`` with LF at the end of each line, as a text field holds it."""
    return _LINE_END.sub("\n", text)


def keep_line_ends(edited: str, stored: str | None) -> str:
    """``edited``, which came from a text field, with the line ends that ``stored`` had.

    The lines at the beginning and the end that are as they were keep theirs exactly; those
    between get the one that is the most frequent.
    """
    edited = unify_line_ends(edited)
    if stored is None or "\r" not in stored:
        return edited
    new, old = edited.split("\n"), _LINE_END.split(stored)
    ends = _LINE_END.findall(stored)
    head = _common(new, old)
    tail = _common(new[head:][::-1], old[head:][::-1])
    usual = Counter(ends).most_common(1)[0][0]
    joints = len(new) - 1
    kept = ends[: min(head, joints)]
    last = ends[max(0, len(ends) - tail) :]
    last = last[max(0, len(kept) + len(last) - joints) :]
    middle = [usual] * (joints - len(kept) - len(last))
    joined = "".join(map(add, new, [*kept, *middle, *last, ""]))
    # A CR that came to stand before an LF would make one line end of two.
    return joined if unify_line_ends(joined) == edited else edited.replace("\n", usual)


def _common(one: list[str], other: list[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _hex_line(data: bytes, start: int) -> str:
    row = data[start : start + 16]
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{start:06x}  {row.hex(' '):<47}  {letters}"
