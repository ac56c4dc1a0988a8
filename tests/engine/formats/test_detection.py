"""Detection of the format of a document, and errors if it is unknown or ambiguous."""

from __future__ import annotations

from typing import Any

import pytest

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument

LOCAL = {"command": "npx"}
OWN = {"transport": "stdio", "command": "npx", "internal": {"enabled": True}}


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"mcpServers": {"a": LOCAL}}, "mcpServers"),
        ({"mcpServers": {}}, "mcpServers"),
        ({"mcpServers": {"a": {"type": "streamable-http", "url": "https://a/"}}}, "mcpServers"),
        ({"mcpServers": {"a": {"type": "streamableHttp", "url": "https://a/"}}}, "cline"),
        ({"mcpServers": {"a": LOCAL, "b": {"serverUrl": "https://a/"}}}, "windsurf"),
        ({"mcpServers": {"a": {"httpUrl": "https://a/"}, "b": {"url": "https://b/"}}}, "gemini"),
        # Two spellings that no client has together are read by the general format.
        ({"mcpServers": {"a": {"httpUrl": "x"}, "b": {"serverUrl": "y"}}}, "mcpServers"),
        ({"mcpServers": {"a": {"url": "x"}, "b": {"serverUrl": "y"}}}, "mcpServers"),
        # Gemini's settings have an unrelated mcp.
        ({"mcp": {"allowed": ["a"]}, "mcpServers": {"a": LOCAL}}, "mcpServers"),
        ({"servers": {"a": LOCAL}}, "vscode"),
        ({"servers": {}}, "vscode"),
        ({"servers": {}, "inputs": []}, "vscode"),
        ({"servers": {"a": {"type": "http", "url": "https://a/"}}, "version": "1"}, "vscode"),
        ({"mcp": {"servers": {"a": LOCAL}}, "editor.fontSize": 12}, "vscode-settings"),
        ({"servers": {"a": OWN}}, "engine"),
        ({"servers": {"a": {"transport": "stdio", "command": "x"}}}, "engine"),
        ({"version": "1.0.2", "servers": {}, "settings": {}}, "engine"),
        ({"name": "shop", "servers": {"a": OWN}, "destinations": ["cursor"]}, "engine"),
        ({"a": LOCAL}, "flat"),
        ({"a": OWN}, "flat"),
        ({"$schema": "https://a/", "a": LOCAL}, "flat"),
        ({"mcp_servers": {"a": LOCAL}}, "codex"),
        ({"context_servers": {"a": LOCAL}}, "zed"),
    ],
)
def test_the_format_is_detected(document: Any, name: str) -> None:
    assert formats.detect(document).name == name


@pytest.mark.parametrize("name", ["servers", "mcp", "mcpServers", "inputs", "command", "url"])
def test_a_server_may_have_any_name(name: str) -> None:
    found = formats.parse({name: LOCAL})
    assert found.format.name == "flat"
    assert found.servers == {name: {"transport": "stdio", **LOCAL}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the document must be an object with MCP servers, not a list"),
        ("x", "the document must be an object with MCP servers, not a string"),
        (None, "the document must be an object with MCP servers, not null"),
        ({}, "the format of the document is unknown: an empty object"),
        (
            {"name": "x", "version": 1},
            "the format of the document is unknown: an object with 'name', 'version', but with none"
            " of 'servers', 'mcp.servers', 'mcpServers', 'mcp_servers', 'context_servers'",
        ),
        (
            {"projects": {"/home/a b": {"mcpServers": {"a": LOCAL}}}},
            'there are servers at projects."/home/a b".mcpServers',
        ),
        (
            {"mcpServers": {}, "servers": {"a": LOCAL}},
            "the document is ambiguous: it has servers at 'servers' and at 'mcpServers';"
            " specify its format",
        ),
        (
            {"servers": {"a": {"type": "stdio", **LOCAL}, "b": OWN}},
            "the document is ambiguous: servers.a has 'type' as in VS Code, servers.b has"
            " 'transport' or 'internal' as in the engine; specify its format",
        ),
        (
            LOCAL,
            "the document is one server without a name: wrap it in an object whose key is the name",
        ),
        (
            {"a": LOCAL, "theme": "dark"},
            "theme: is not a server but a string, while other keys of this document are servers",
        ),
        (
            {"a": LOCAL, "b": {"comand": "npx"}},
            "b: is not a server but an object without 'command' and 'url', while other keys of this"
            " document are servers",
        ),
        ({"mcpServers": [LOCAL]}, "mcpServers: must be an object from name to server, not a list"),
        ({"mcpServers": None}, "the document has nothing at 'mcpServers', so it is not a document"),
        ({"servers": 3}, "servers: must be an object from name to server, not a number"),
    ],
)
def test_unknown_and_ambiguous_documents_are_refused(document: Any, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.parse(formats.dumps(document) if not isinstance(document, dict) else document)
    assert message in str(caught.value)


def test_servers_are_never_detected_as_empty_mcp_servers() -> None:
    document = {"servers": {"a": LOCAL}}
    with pytest.raises(InvalidDocument, match="the document has nothing at 'mcpServers'"):
        formats.parse(document, "mcpServers")
    assert formats.parse(document).servers


def test_an_explicit_format_is_used() -> None:
    document = {"servers": {"a": LOCAL}, "mcpServers": {"b": LOCAL}}
    assert list(formats.parse(document, "vscode").servers) == ["a"]
    found = formats.parse(document, "mcpServers")
    assert list(found.servers) == ["b"]
    assert found.rest == {"servers": {"a": LOCAL}}


def test_no_message_contains_a_value() -> None:
    secret = "hunter2"
    for document in (
        {"a": secret},
        {"mcpServers": {"a": secret}},
        {"mcpServers": {"a": {"command": [secret]}}},
        {"mcpServers": {"a": {**LOCAL, "env": secret}}},
        {"mcpServers": {"a": {**LOCAL, "env": {"A": [secret]}}}},
        {"mcpServers": {"a": {**LOCAL, "disabled": secret}}},
    ):
        with pytest.raises(InvalidDocument) as caught:
            formats.parse(document)
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value)
    assert secret not in repr(formats.parse({"a": {**LOCAL, "env": {"A": secret}}}))
