"""Who is doing it: the name that entries and changes carry.

The actor is a context variable, so that it follows a request through threads and tasks. The
REST views, the consumers and the admin set it to the user's name; scripts say it themselves::

    with actor("nightly-import"):
        storage.write("config", data)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from unicodedata import category

from .exceptions import InvalidValue

MAX_ACTOR_LENGTH = 255

_actor: ContextVar[str] = ContextVar("agent_master_storage.actor", default="")


@contextmanager
def actor(name: str) -> Iterator[None]:
    """Say who makes the changes inside the ``with`` block.

    ``name`` has at most 255 printable characters; InvalidValue otherwise.
    """
    token = _actor.set(_check(name))
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> str:
    """The innermost ``actor()`` in force, or an empty string."""
    return _actor.get()


def _check(name: str) -> str:
    if not isinstance(name, str) or len(name) > MAX_ACTOR_LENGTH:
        raise InvalidValue(f"an actor is a str of at most {MAX_ACTOR_LENGTH} characters")
    if any(category(character) in ("Cc", "Cs") for character in name):
        raise InvalidValue("an actor's name must not hold control characters or lone surrogates")
    return name
