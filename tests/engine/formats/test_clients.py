"""Configurations from the documentation of real servers and clients; see data/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.engine.server import ServerConfig, checked

DATA = Path(__file__).parents[1] / "data"
CLIENTS: dict[str, Any] = json.loads((DATA / "clients.json").read_text("utf-8"))
REFUSED: dict[str, Any] = json.loads((DATA / "refused.json").read_text("utf-8"))


def text(name: str, folder: str = "clients") -> str:
    return (DATA / folder / name).read_text("utf-8")


def test_the_collection_is_large_and_diverse() -> None:
    assert set(CLIENTS) == {path.name for path in (DATA / "clients").iterdir()}
    assert set(REFUSED) == {path.name for path in (DATA / "refused").iterdir()}
    assert len(CLIENTS) >= 50
    assert len({one["repository"] for one in CLIENTS.values()}) >= 15
    assert {one["format"] for one in CLIENTS.values()} >= {
        "mcpServers", "vscode", "vscode-settings", "flat", "cline", "windsurf", "gemini", "codex",
        "zed",
    }  # fmt: skip


@pytest.mark.parametrize("name", CLIENTS)
def test_the_format_is_detected(name: str) -> None:
    found = formats.parse(text(name))
    assert found.format.name == CLIENTS[name]["format"]
    assert len(found.servers) == 1
    assert not found.warnings


@pytest.mark.parametrize("name", CLIENTS)
def test_the_engine_accepts_every_server(name: str) -> None:
    for server, config in formats.parse(text(name)).servers.items():
        own = {key: part for key, part in config.items() if key != "internal"}
        assert isinstance(checked(server, own), ServerConfig)


@pytest.mark.parametrize("name", CLIENTS)
def test_rendering_restores_the_document(name: str) -> None:
    document = formats.loads(text(name))
    found = formats.parse(document)
    assert (
        formats.render(found.servers, found.format, inputs=found.inputs, base=document) == document
    )
    again = formats.render(found.servers, found.format, inputs=found.inputs, base=found.rest)
    assert _enabled(formats.parse(again, found.format).servers) == _enabled(found.servers)


@pytest.mark.parametrize("other", formats.names())
@pytest.mark.parametrize("name", CLIENTS)
def test_every_server_can_be_written_for_every_client(name: str, other: str) -> None:
    servers = formats.parse(text(name)).servers
    there = formats.parse(formats.render(servers, other), other).servers
    assert _enabled(there) == _enabled(servers)


@pytest.mark.parametrize("name", REFUSED)
def test_other_documents_are_refused(name: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.parse(text(name, "refused"))
    assert REFUSED[name]["message"] in str(caught.value)


def _enabled(servers: Any) -> Any:
    """Normalise: a server is enabled by default, and http has two names."""
    return {
        name: {
            key: part.replace("streamable-http", "http") if key == "transport" else part
            for key, part in server.items()
            if part != {"enabled": True}
        }
        for name, server in servers.items()
    }
