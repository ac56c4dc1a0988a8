"""``python -m benchmarks [NAME ...] [--quick]``: run benchmarks and print their figures.

PostgreSQL and Redis are private servers that end with the run, as in the test suite.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from .options import Options

BENCHMARKS = ("read_write", "latency", "fanout", "postgresql", "redis", "engine")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all")
    parser.add_argument("--quick", action="store_true", help="a quarter of the time, less sure")
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there is {', '.join(BENCHMARKS)}")
    # Processes that a benchmark starts work from the same folder.
    os.chdir(Path(__file__).parent.parent)
    with ExitStack() as stack:
        _prepare(stack)
        for name in parsed.names or BENCHMARKS:
            import_module(f".{name}", __package__).run(Options(quick=parsed.quick))


def _prepare(stack: ExitStack) -> None:
    """Servers, a folder for SQLite's files, and the tables."""
    folder = tempfile.TemporaryDirectory(prefix="ams-benchmarks-", ignore_cleanup_errors=True)
    os.environ["TEST_FOLDER"] = stack.enter_context(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    from tests.support import servers

    os.environ["BENCHMARKS_REDIS_URL"] = stack.enter_context(servers.redis_url())
    stack.enter_context(servers.postgres())

    import django
    from django.core.management import call_command

    django.setup()
    for alias in ("default", "normal", "postgres"):
        call_command("migrate", database=alias, verbosity=0)

    from django.db import connections

    from agent_master_storage import storages

    stack.callback(connections.close_all)
    stack.callback(storages.reset)


if __name__ == "__main__":
    main(sys.argv[1:])
