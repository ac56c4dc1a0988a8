"""The engine: what a change that loses no update costs, and how soon a file follows it.

The peer of a change does what the Go engine does: it reads the document, adds a server and
writes it all, and of two at once one loses what the other did.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from agent_master_storage import storages
from agent_master_storage.engine import Document, Engine
from agent_master_storage.testing import wait_for

from .figures import Goal, heading, interleaved, line, percentile, ratio
from .options import Options

CONFIG = {"transport": "stdio", "command": "npx", "args": ["-y", "@modelcontextprotocol/server"]}
SIZES = (10, 100, 1000)

_counter = itertools.count()


def run(options: Options) -> None:
    """Measure on each database."""
    for alias, title in (("default", "SQLite"), ("postgres", "PostgreSQL")):
        heading(f"Engine: {title}")
        for size in SIZES:
            _changes(alias, size, options)
        _two(alias, options)
        _following(alias, options)


def _changes(alias: str, size: int, options: Options) -> None:
    storage: Any = storages[alias]
    engine = Engine(storage=storage)
    _fill(engine, size)

    def ours(number: int) -> None:
        engine.update_server(f"s{number % size}", {**CONFIG, "cwd": str(next(_counter))})

    def theirs(number: int) -> None:
        document = json.loads(storage.read("config"))
        document["servers"][f"s{number % size}"]["cwd"] = str(next(_counter))
        storage.write("config", json.dumps(document, indent=2, ensure_ascii=False).encode())

    calls = {"engine": ours, "plain": theirs}
    rates = interleaved(calls, count=options.scaled(2000 // size + 20), rounds=options.rounds)
    found = ratio(rates["engine"], rates["plain"])
    line(f"a change among {size} servers, to a plain rewrite", found, "x", Goal(bound=0.5))


def _two(alias: str, options: Options) -> None:
    """Both together, to one alone: how much of the work is done again."""
    count = options.scaled(100)

    def add(name: str) -> None:
        storage: Any = storages[alias]
        for number in range(count):
            Engine(storage=storage).update_server(name, {**CONFIG, "cwd": str(number)})
        storage.release()

    _fill(Engine(storage=storages[alias]), 10)
    start = time.perf_counter()
    add("s0")
    alone = count / (time.perf_counter() - start)
    threads = [threading.Thread(target=add, args=(f"s{number}",)) for number in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = 2 * count / (time.perf_counter() - start)
    line("changes by two at once, to one alone", together / alone, "x")


def _following(alias: str, options: Options) -> None:
    """From before the change to the moment when the file has it, of a handler's clock."""
    engine = Engine(storage=storages[alias])
    _fill(engine, 20)
    with tempfile.TemporaryDirectory(prefix="ams-benchmarks-") as folder:
        path = Path(folder) / "mcp.json"
        engine.add_destination("here", path)
        for debounce, count in ((0.0, 100), (None, 12)):
            with engine.auto_sync(debounce=debounce):
                wait_for(path.exists)
                seconds = [_one(engine, path) for _ in range(options.scaled(count))]
            name = "at once" if debounce == 0 else "as the settings are (500 ms gathered)"
            goal = Goal(bound=1000, at_least=False)
            line(f"a change to the file, {name}, p50", percentile(seconds, 0.5) * 1000, "ms")
            line(f"a change to the file, {name}, p99", percentile(seconds, 0.99) * 1000, "ms", goal)


def _one(engine: Engine, path: Path) -> float:
    mark = f"mark-{next(_counter)}-"
    start = time.perf_counter()
    engine.update_server("s0", {**CONFIG, "cwd": mark})
    while mark not in path.read_text():
        time.sleep(0.001)
    return time.perf_counter() - start


def _fill(engine: Engine, size: int) -> None:
    def edit(document: Document) -> None:
        document.servers.clear()
        for number in range(size):
            internal = {"enabled": True, "syncTargets": ["all"]}
            document.servers[f"s{number}"] = {**CONFIG, "internal": internal}

    engine.change(edit)
    engine.change(lambda document: document.data.pop("targets", None))
