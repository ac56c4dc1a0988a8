"""Keys as people can tell them apart: a key is never trimmed, and may hold what nobody sees."""

from __future__ import annotations

import re

#: printable to Python, and yet drawn as nothing: Unicode's Default_Ignorable_Code_Point
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_OUTER_SPACES = re.compile("^ +| +$")


class Keyed:
    """What has a key."""

    key: str

    @property
    def label(self) -> str:
        """The key, to be read."""
        return legible(self.key)


def legible(key: str) -> str:
    r"""``key`` with an escape for what is not seen: spaces around it, invisible characters.

    >>> legible("tab ")
    'tab\\u0020'
    """
    shown = "".join(map(_shown, key))
    return _OUTER_SPACES.sub(lambda spaces: r"\u0020" * len(spaces[0]), shown)


def _shown(character: str) -> str:
    if character.isprintable() and not _IGNORABLE.match(character):
        return character
    number = f"{ord(character):04x}"
    return rf"\u{number}" if len(number) == 4 else rf"\u{{{number}}}"
