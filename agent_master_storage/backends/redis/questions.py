"""What is asked of the server: a command, or some that are sent together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeVar

import hiredis

T = TypeVar("T")


class Ask(NamedTuple):
    """A command, and whether asking twice does no harm."""

    arguments: tuple[Any, ...]
    again: bool = True
    #: it was packed by hand; the arguments are only its first words then, to tell it by
    ready: bytes = b""

    def packed(self) -> bytes:
        return self.ready or hiredis.pack_command(self.arguments)


class Batch(NamedTuple):
    """Commands that are sent together; the answer is a list of theirs.

    From the first batch of the same steps on, all that they ask goes over one connection, which
    nobody else uses meanwhile: so that WATCH holds. Nothing is asked twice then: it would not.
    """

    commands: Sequence[tuple[Any, ...]]
    #: False: something may have been written when no answer comes
    again: bool = True

    def packed(self) -> bytes:
        return b"".join([hiredis.pack_command(command) for command in self.commands])


#: yields what it asks, is sent the answers, returns the result
Steps = Generator[Ask | Batch, Any, T]


def template(*words: str | bytes | int | None) -> bytes:
    """A command for the % operator, which takes a length and bytes for each None among the words.

    That packs it in a third of the time of hiredis, to which all words are new each time.
    """
    frames = [b"$%d\r\n%b\r\n" if word is None else _frame(word) for word in words]
    return b"*%d\r\n" % len(words) + b"".join(frames)


def _frame(word: str | bytes | int) -> bytes:
    return hiredis.pack_command((word,)).removeprefix(b"*1\r\n").replace(b"%", b"%%")
