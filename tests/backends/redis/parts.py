"""Large commits, question by question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from agent_master_storage import Check, Delete, Write
from agent_master_storage.backends.redis.questions import Ask, Batch
from agent_master_storage.backends.redis.scripts import Script
from agent_master_storage.exceptions import StorageUnavailable

#: questions to the server that such a commit as these here takes
QUESTIONS = 13
#: of them, the first after its first record was appended
BEGUN = 6


class Crash(Exception):
    """The process has ended."""


def before(storage: Any) -> None:
    storage.commit([Write(f"k{number:03}", b"before") for number in range(50)])
    storage.write("gone", b"before")
    storage.write("checked", b"")


def operations(value: bytes = b"after") -> list[Any]:
    return [
        *(Write(f"k{number:03}", value * number) for number in range(0, 140, 2)),
        Delete("gone"),
        *(Write(f"k{number:03}", b"") for number in range(1, 140, 2)),
        Check("checked", 3),
    ]


def commit(storage: Any, at: int, act: Callable[[], object]) -> Any:
    """The large commit, with something that happens before its question number ``at``."""
    return commit_of(storage, operations(), lambda question, number: number == at and act())


def commit_of(storage: Any, made: Sequence[Any], act: Callable[[Any, int], object]) -> Any:
    """The same of these operations; ``act`` is told of each question before it is asked."""

    def steps() -> Iterator[Any]:
        inner: Any = storage._plans.apply(made, "me")
        go_on, answer = inner.send, None
        for number in count():
            try:
                question = go_on(answer)
            except StopIteration as done:
                return done.value
            act(question, number)
            go_on = inner.send
            try:
                answer = yield question
            except StorageUnavailable as error:
                go_on, answer = inner.throw, error

    return storage._server.run(steps())


def overheard(storage: Any, patched: Any) -> list[tuple[Any, Any]]:
    """What the storage asks from now on, with the answers."""
    heard: list[tuple[Any, Any]] = []
    ask = storage._server.ask

    def asking(question: Any) -> Any:
        answer = ask(question)
        heard.append((question, answer))
        return answer

    patched.setattr(storage._server, "ask", asking)
    return heard


def asks(script: Script) -> Callable[[Any], bool]:
    """Whether a question is of that script."""
    return lambda question: isinstance(question, Ask) and question.arguments[1] == script.sha


def looks_whether_it_is_alone(question: Any) -> bool:
    """Whether it is the one after its first record was appended."""
    return (
        isinstance(question, Batch)
        and question.commands[0][0] == "WATCH"
        and len(question.commands) == 3
    )


def writes(question: Any) -> bool:
    """Whether it is the one with EXEC."""
    return isinstance(question, Batch) and not question.again


def once_before(
    wanted: Callable[[Any], bool], act: Callable[[], object]
) -> Callable[[Any, int], None]:
    """For commit_of()."""
    done: list[bool] = []

    def before_it(question: Any, number: int) -> None:
        if wanted(question) and not done:
            done.append(True)
            act()

    return before_it


def crash() -> None:
    raise Crash


def is_whole(storage: Any) -> None:
    """The log has no gap, and tells what is there."""
    found: dict[str, bytes] = {}
    revisions = []
    for change in storage.history():
        revisions += [change.revision] if change.last else []
        if change.value is None:
            del found[change.key]
        else:
            found[change.key] = change.value
    assert revisions == list(range(1, storage.revision + 1))
    assert {entry.key: entry.value for entry in storage.entries()} == found
    assert storage.list() == sorted(found)
