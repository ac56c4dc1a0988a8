"""What of a server is shown in a form, and what stands for it when the form comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from ....admin.content import unify_line_ends
from ... import ServerConfig
from ...secrets import MASK, mask_config
from .rows import Row

Json = dict[str, Any]


class Original:
    """The configuration that a form began with, in the clear and masked."""

    def __init__(self, config: ServerConfig | None) -> None:
        """None: there is none, the server is new."""
        self.clear: Json = {} if config is None else config.to_dict()
        self.masked: Json = mask_config(self.clear)

    def text(self, field: str, typed: str) -> str:
        """A single text, as ``url``."""
        return _unmasked(typed, self.masked.get(field), self.clear.get(field))

    def list(self, field: str, rows: Sequence[Row]) -> list[str]:
        """A list of texts, without the rows that were left empty."""
        clear, masked = self.clear.get(field, []), self.masked.get(field, [])
        found = []
        for row in rows:
            at = _index(row.was, len(clear))
            if not row.text and (at is None or clear[at]):
                continue
            if at is None:
                found.append(_unmasked(row.text, None, None))
            else:
                found.append(_unmasked(row.text, masked[at], clear[at]))
        return found

    def pairs(self, field: str, rows: Sequence[Row]) -> dict[str, str]:
        """Pairs; a row whose name was emptied is removed."""
        clear, masked = self.clear.get(field, {}), self.masked.get(field, {})
        found: dict[str, str] = {}
        for row in rows:
            name = row.name.strip()
            if not name:
                if row.text and not row.was:
                    raise ValidationError("Each value needs a name.")
                continue
            if name in found:
                raise ValidationError(f"The name “{name}” stands twice.")
            found[name] = _unmasked(row.text, masked.get(row.was), clear.get(row.was))
        return found

    def secret(self, field: str, name: str) -> str | None:
        """What is behind the mask of a text, an item or a pair; None when there is no such."""
        found = self.clear.get(field)
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list):
            at = _index(name, len(found))
            found = None if at is None else found[at]
        return found if isinstance(found, str) else None


def _unmasked(typed: str, masked: Any, clear: Any) -> str:
    """What was typed; the original where that is what was shown, in the clear or masked."""
    text = unify_line_ends(typed)
    for shown in (masked, clear):
        if isinstance(shown, str) and text == unify_line_ends(shown):
            return str(clear)
    if MASK in text:
        raise ValidationError("A mask stands in place of a value: type the value.")
    return text


def _index(text: str, length: int) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) < length:
        return int(text)
    return None
