"""The websocket consumer.

``consumer``  one socket: handshake, frames of the client, permissions, close
``protocol``  the JSON frames: parsing, validation, encoding, rate limit
``outbox``    the watches of a socket and the task that sends for them
``snapshot``  the state at one revision, read page by page
``origin``    the check of the Origin header
"""

from __future__ import annotations

from .consumer import StorageConsumer

__all__ = ["StorageConsumer"]
