"""A process with one ``watch()`` handler: ``python -m benchmarks.handler ALIAS KEY``."""

from __future__ import annotations

import sys

import django

from .arrivals import Arrivals, now, say
from .marks import find


def main(alias: str, key: str) -> None:
    django.setup()
    from agent_master_storage import storages

    arrivals = Arrivals(sockets=1)

    def handle(value: bytes | None) -> None:
        at = now()
        for number, stamp in find(value or b""):
            arrivals.add(int(number), float(stamp), at)

    unsubscribe = storages[alias].watch(key, handle)
    say("ready")
    for line in sys.stdin:
        arrivals.answer(line)
    unsubscribe()


if __name__ == "__main__":
    main(*sys.argv[1:])
