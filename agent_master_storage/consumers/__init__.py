"""The websocket consumer, and the modules that it is composed of."""

from __future__ import annotations

from .consumer import StorageConsumer

__all__ = ["StorageConsumer"]
