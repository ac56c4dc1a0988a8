"""Websocket transcripts: ``>`` is sent, ``<`` must come, ``#`` is done by somebody else.

A line that begins with a space goes on the one before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import connect

from .blocks import Block
from .matching import matches

#: seconds within which a frame must come
TIMEOUT = 30.0


def is_transcript(text: str) -> bool:
    return text.startswith("> ") or "\n> " in text


def replay(block: Block, url: str, headers: dict[str, str], namespace: dict[str, Any]) -> None:
    """Play it against a server; AssertionError where another frame comes."""
    with connect(url, additional_headers=headers) as socket:
        for mark, text in _lines(block):
            if mark == ">":
                json.loads(text)
                socket.send(text)
            elif mark == "<":
                _expect(block, text, socket.recv(timeout=TIMEOUT))
            else:
                exec(text, namespace)


def _lines(block: Block) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\n +", " ", block.text)
    for line in joined.splitlines():
        mark, _, text = line.partition(" ")
        assert mark in (">", "<", "#"), f"{block.where}: {line}"
        yield mark, text


def _expect(block: Block, shown: str, frame: str | bytes) -> None:
    assert matches(shown, str(frame)), f"{block.where}\nshown: {shown}\n came: {frame!r}"
