"""Telling subscriptions that there is something to take: at once, or in their event loops."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from .subscription import Subscription

#: subscriptions of an event loop that are told at a time
SLICE = 50


def notify(subscriptions: Iterable[Subscription]) -> None:
    """Tell them; those of one event loop together, because waking a loop is a system call."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Subscription]] = defaultdict(list)
    for subscription in subscriptions:
        if subscription.loop is None:
            subscription.notify()
        else:
            by_loop[subscription.loop].append(subscription)
    for loop, members in by_loop.items():
        try:
            loop.call_soon_threadsafe(_notify_some, loop, iter(members))
        except RuntimeError:
            # The loop was closed under them, as at the end of asyncio.run().
            for subscription in members:
                subscription.close()


def _notify_some(loop: asyncio.AbstractEventLoop, subscriptions: Iterator[Subscription]) -> None:
    """Tell the first of them, and the others when the loop has done what those wanted.

    All at once would hold up everything else in the loop, and leave thousands of half done
    things to the garbage collector.
    """
    told = 0
    for subscription in islice(subscriptions, SLICE):
        subscription.notify()
        told += 1
    if told == SLICE:
        loop.call_soon(_notify_some, loop, subscriptions)
