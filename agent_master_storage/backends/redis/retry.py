"""When a question may be put again, and when to give up.

A read is tried again with backoff when the connection broke. A write is not, once it was sent:
whether it was done is not known then, and doing it twice would be two revisions.
"""

from __future__ import annotations

import random
from typing import Any

from redis import exceptions

from ...exceptions import StorageUnavailable
from .errors import is_ahead, is_untrusted, is_wrong_type, not_ours, unavailable, wrong_type
from .questions import Ask, Batch
from .scripts import BY_SHA

#: attempts at what may be tried again, and seconds before the second; doubled for each more
ATTEMPTS = 4
PAUSE = 0.05
#: seconds between two looks whether a large commit is made, which others wait for
WAIT = 0.005
MOST_WAITS = 1000

#: what is done in a large commit to names of ours, not of values
_OURS = ("GET", "HGET", "HMGET", "HSET", "XADD", "XRANGE", "ZADD")


class Attempt:
    """Counts the attempts at one question, and says when to give up."""

    __slots__ = ("_failures", "_loaded", "_place", "_question", "_waits", "sent")

    def __init__(self, place: str, question: Ask | Batch) -> None:
        self._place = place
        self._question = question
        self._failures = self._loaded = self._waits = 0
        self.sent = False

    def pause_after(self, error: Exception) -> float:
        """Seconds until the next attempt; raises StorageUnavailable when there is to be none."""
        if is_ahead(error) and self._waits < MOST_WAITS:
            self._waits += 1
            return WAIT * random.uniform(0.5, 1)
        self._failures += 1
        if is_wrong_type(error):
            raise self._wrong_type() from error
        unknown = self.sent and not self._question.again and _is_silence(error)
        if unknown or not _may_pass(error) or self._failures >= ATTEMPTS:
            raise self._refusal(error, unknown) from error
        return PAUSE * 2**self._failures * random.uniform(0.5, 1)

    def pause_over_one(self, error: Exception) -> float:
        """The same for a connection that can't be had anew: nothing but a large commit passes."""
        self.sent = True
        if not is_ahead(error):
            self._failures = ATTEMPTS
        return self.pause_after(error)

    def load(self, error: Exception) -> Ask:
        """The server does not know the script: it is new, restarted, or was told to forget."""
        # Not counted with the failures: a server that has come back knows no script.
        self._loaded += 1
        if self._loaded >= ATTEMPTS:
            raise self._refusal(error, False) from error
        return Ask(("SCRIPT", "LOAD", BY_SHA[self._words()[1]]))

    def _wrong_type(self) -> StorageUnavailable:
        question, words = self._question, self._words()
        unknown = not question.again
        if isinstance(question, Batch):
            names = {words[1]: None for words in question.commands if words[0] in _OURS}
            return not_ours([*names], unknown)
        if words[0] == "GET":
            return wrong_type(words[1])
        # Our own names come first among the keys of a script.
        ours = words[3 : 3 + min(words[2], 4)] if words[0] == "EVALSHA" else words[1:2]
        return not_ours(ours, unknown)

    def _words(self) -> tuple[Any, ...]:
        question = self._question
        return question.arguments if isinstance(question, Ask) else question.commands[0]

    def _refusal(self, error: Exception, unknown: bool) -> StorageUnavailable:
        return unavailable(self._place, error, unknown)


def _is_silence(error: Exception) -> bool:
    """No answer came, as against one that says no."""
    if isinstance(error, exceptions.AuthenticationError | exceptions.BusyLoadingError):
        return False
    silence = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse)
    return isinstance(error, (*silence, OSError))


def _may_pass(error: Exception) -> bool:
    """Whether it is worth another attempt: not after a time limit, which was the patience."""
    if isinstance(error, exceptions.AuthenticationError | exceptions.TimeoutError):
        return False
    return isinstance(error, exceptions.ConnectionError | OSError) and not is_untrusted(error)
