"""Every spelling of a server is read, and each client's own is written."""

from __future__ import annotations

from typing import Any

import pytest

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument

URL = "https://mcp.example.com/mcp"


def read(raw: Any, format: str = "mcpServers") -> Any:
    return formats.parse(formats.render({}, format) | nested(raw, format), format).servers["a"]


def nested(raw: Any, format: str) -> Any:
    document: Any = {"a": raw}
    for key in reversed(formats.get(format).path):
        document = {key: document}
    return document


def written(server: Any, format: str) -> Any:
    document: Any = formats.render({"a": server}, format)
    for key in formats.get(format).path:
        document = document[key]
    return document["a"]


@pytest.mark.parametrize(
    ("raw", "transport"),
    [
        ({"command": "x"}, "stdio"),
        ({"command": "x", "type": "stdio"}, "stdio"),
        ({"command": "x", "type": "local"}, "stdio"),
        ({"command": "x", "transportType": "stdio"}, "stdio"),
        ({"url": URL}, "http"),
        ({"url": f"{URL}/sse"}, "sse"),
        ({"url": f"{URL}/sse/?a=1"}, "sse"),
        ({"url": URL, "type": "sse"}, "sse"),
        ({"url": f"{URL}/sse", "type": "http"}, "http"),
        ({"url": URL, "type": "streamable-http"}, "streamable-http"),
        ({"url": URL, "type": "streamableHttp"}, "streamable-http"),
        ({"url": URL, "transport": "streamable_http"}, "streamable-http"),
        ({"serverUrl": URL}, "http"),
        ({"serverUrl": f"{URL}/sse"}, "sse"),
        ({"httpUrl": f"{URL}/sse"}, "http"),
        ({"url": URL, "serverUrl": URL}, "http"),
        ({"command": "x", "url": "", "type": None}, "stdio"),
        ({"command": "x", "url": URL, "type": "stdio"}, "stdio"),
        ({"command": "x", "url": URL, "type": "sse"}, "sse"),
    ],
)
def test_the_transport_is_detected(raw: Any, transport: str) -> None:
    found = read(raw)
    assert found["transport"] == transport
    assert not found.keys() & {"type", "serverUrl", "httpUrl", "transportType"}
    if raw.get("url") or "serverUrl" in raw or "httpUrl" in raw:
        assert found["url"].startswith(URL)


@pytest.mark.parametrize("format", ["gemini", "cline"])
def test_a_url_without_a_type_is_sse_for_some_clients(format: str) -> None:
    assert read({"url": URL}, format)["transport"] == "sse"
    assert read({"url": URL, "type": "http"}, format)["transport"] == "http"


REMOTE = {
    "mcpServers": {"type": "http", "url": URL},
    "vscode": {"type": "http", "url": URL},
    "vscode-settings": {"type": "http", "url": URL},
    "cline": {"type": "streamableHttp", "url": URL},
    "roo": {"type": "streamable-http", "url": URL},
    "windsurf": {"serverUrl": URL},
    "gemini": {"httpUrl": URL},
    "flat": {"type": "http", "url": URL},
    "codex": {"url": URL},
    "zed": {"url": URL},
    "engine": {"transport": "http", "url": URL},
}


@pytest.mark.parametrize("format", formats.names())
def test_each_client_gets_its_spelling(format: str) -> None:
    assert written({"transport": "http", "url": URL}, format) == REMOTE[format]
    local = {"transport": "stdio", "command": "x", "args": ["y"], "env": {"A": "b"}}
    expected = {key: local[key] for key in ("command", "args", "env")}
    if format == "engine":
        expected = local
    if format.startswith("vscode"):
        expected = {"type": "stdio", **expected}
    assert written(local, format) == expected


@pytest.mark.parametrize("format", ["windsurf", "gemini", "zed", "codex"])
def test_a_type_is_written_if_the_client_would_assume_another_transport(format: str) -> None:
    server = {"transport": "sse", "url": URL, "command": "x"}
    assert written(server, format)["type"] == "sse"
    assert read(written(server, format), format) == server


def test_a_codex_header_has_its_own_key() -> None:
    server = {"transport": "http", "url": URL, "headers": {"A": "b"}}
    assert written(server, "codex") == {"url": URL, "http_headers": {"A": "b"}}
    assert read(written(server, "codex"), "codex") == server


@pytest.mark.parametrize(
    ("switch", "enabled"),
    [
        ({"disabled": True}, False),
        ({"disabled": False}, True),
        ({"enabled": False}, False),
        ({"enabled": True}, True),
    ],
)
def test_enabled_and_disabled_are_read(switch: Any, enabled: bool) -> None:
    found = read({"command": "x", **switch})
    assert found == {"transport": "stdio", "command": "x", "internal": {"enabled": enabled}}


def test_a_disabled_server_is_written_as_disabled() -> None:
    # Without "enabled" it is disabled, as in the stored document.
    server = {"transport": "stdio", "command": "x", "internal": {"source": "user"}}
    assert written(server, "mcpServers") == {"command": "x", "disabled": True}
    assert written(server, "codex") == {"command": "x", "enabled": False}
    on = {**server, "internal": {"source": "user", "enabled": True}}
    assert written(on, "mcpServers") == {"command": "x"}
    assert written(on, "engine") == on


def test_enabling_a_server_removes_the_old_key() -> None:
    base = {"mcpServers": {"a": {"command": "x", "disabled": True, "timeout": 9}}}
    server = {"transport": "stdio", "command": "x", "internal": {"enabled": True}}
    document = formats.render({"a": server}, "mcpServers", base=base)
    assert document == {"mcpServers": {"a": {"command": "x", "timeout": 9}}}


def test_a_changed_server_keeps_keys_that_only_the_client_knows() -> None:
    base = {
        "theme": "dark",
        "mcpServers": {
            "a": {"command": "old", "args": ["1"], "alwaysAllow": ["t"], "env": {"A": "b"}},
            "gone": {"command": "x"},
        },
    }
    server = {"transport": "stdio", "command": "new", "autoApprove": ["u"]}
    assert formats.render({"a": server}, "mcpServers", base=base) == {
        "theme": "dark",
        "mcpServers": {"a": {"command": "new", "autoApprove": ["u"], "alwaysAllow": ["t"]}},
    }


def test_render_does_not_change_its_arguments() -> None:
    base = {"mcpServers": {"a": {"command": "old", "env": {"A": "b"}}}, "x": {"y": [1]}}
    servers = {"a": {"transport": "stdio", "command": "new", "z": [1]}}
    found = formats.render(servers, "mcpServers", base=base)
    found["x"]["y"].append(2)
    found["mcpServers"]["a"]["z"].append(2)
    assert base["x"] == {"y": [1]}
    assert servers["a"]["z"] == [1]


def test_numbers_and_booleans_are_read_as_the_text_that_a_process_receives() -> None:
    raw = {
        "command": "x",
        "args": ["--port", 8080],
        "env": {"A": 1, "B": 1.5, "C": 2.0, "D": True, "E": False, "F": None},
    }
    found = formats.parse({"a": raw}, "flat")
    assert found.servers["a"]["args"] == ["--port", "8080"]
    assert found.servers["a"]["env"] == {"A": "1", "B": "1.5", "C": "2", "D": "true", "E": "false"}
    assert found.warnings == (
        "a.args.1 is a number and was read as text",
        "a.env.A is a number and was read as text",
        "a.env.B is a number and was read as text",
        "a.env.C is a number and was read as text",
        "a.env.D is a boolean and was read as text",
        "a.env.E is a boolean and was read as text",
        "a.env.F is null and was ignored",
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "mcpServers.a: must be a server, which is an object, not null"),
        ([], "mcpServers.a: must be a server, which is an object, not a list"),
        ({}, "mcpServers.a: is not a server: it has neither 'command' nor 'url'"),
        ({"command": ""}, "mcpServers.a: is not a server: it has neither 'command' nor 'url'"),
        ({"command": ["x"]}, "mcpServers.a.command: must be a string, not a list"),
        ({"command": "x", "args": "y"}, "mcpServers.a.args: must be a list of strings, not"),
        ({"command": "x", "args": [[]]}, "mcpServers.a.args.0: must be a string, not a list"),
        ({"command": "x", "args": [None]}, "mcpServers.a.args.0: must be a string, not null"),
        ({"command": "x", "env": []}, "mcpServers.a.env: must be an object of strings, not a list"),
        ({"command": "x", "env": {"A.B": {}}}, 'mcpServers.a.env."A.B": must be a string, not an'),
        ({"command": "x", "url": "y"}, "has a 'command' and a URL, but no 'type' to decide"),
        ({"url": "x", "headers": ["A: b"]}, "mcpServers.a.headers: must be an object of strings"),
        ({"url": "x", "serverUrl": "y"}, "has two different URLs, in 'url' and 'serverUrl'"),
        ({"url": 3}, "mcpServers.a.url: must be a string, not a number"),
        ({"url": "x", "type": "ws"}, "mcpServers.a.type: must be one of stdio, sse, http, stream"),
        ({"url": "x", "type": 3}, "mcpServers.a.type: must be a string, not a number"),
        ({"url": "x", "type": "sse", "transport": "http"}, "'type' and 'transport' contradict"),
        ({"url": "x", "type": "stdio"}, "is a server of type stdio without 'command'"),
        ({"command": "x", "type": "http"}, "is a server of type http without 'url'"),
        ({"command": "x", "disabled": "no"}, "a.disabled: must be true or false, not a string"),
        ({"command": "x", "disabled": True, "enabled": True}, "is both enabled and disabled"),
        ({"command": "x", "internal": 3}, "a.internal: must be an object, not a number"),
    ],
)
def test_invalid_servers_are_refused(raw: Any, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.parse({"mcpServers": {"a": raw}})
    assert message in str(caught.value)


def test_servers_of_zed_extensions_are_kept() -> None:
    extension = {"source": "extension", "enabled": True, "settings": {"token": "x"}}
    document = {"context_servers": {"ext": extension, "a": {"command": "x"}}}
    found = formats.parse(document)
    assert list(found.servers) == ["a"]
    assert found.rest == {"context_servers": {"ext": extension}}
    assert formats.render({}, "zed", base=document) == found.rest


@pytest.mark.parametrize("format", ["mcpServers", "vscode", "vscode-settings", "engine"])
@pytest.mark.parametrize("name", ["url", "command", "servers", "mcpServers", "type"])
def test_a_server_may_have_the_name_of_a_key(format: str, name: str) -> None:
    server = {"transport": "stdio", "command": "x"}
    document = formats.render({name: server}, format)
    found = formats.parse(document)
    assert found.format.name == format
    assert found.servers == {name: server}
