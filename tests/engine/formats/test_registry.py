"""The registry of formats, custom formats, and where things are in a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.engine.formats import Format
from agent_master_storage.exceptions import InvalidValue

SERVERS = {"a": {"transport": "stdio", "command": "x"}}
INPUTS = [{"id": "t", "type": "promptString", "password": True}]


def test_get_finds_a_format_by_its_name_and_those_of_its_clients() -> None:
    assert formats.get("mcpServers") is formats.get("MCPSERVERS") is formats.get("claude-desktop")
    assert formats.get(formats.get("vscode")).name == "vscode"
    with pytest.raises(
        InvalidValue, match="there is no format 'emacs'; the formats are engine, vscode,"
    ):
        formats.get("emacs")


def test_names_are_unique() -> None:
    found = [name for one in formats.all_formats() for name in (one.name, *one.clients)]
    assert len(found) == len({name.casefold() for name in found})
    assert all(one.title and repr(one) for one in formats.all_formats())


class Nested(Format):
    """A custom format of a project."""

    name = "nested"
    title = "our own servers"
    path = ("tools", "mcp", "list")


@pytest.fixture
def nested() -> Iterator[Format]:
    one = Nested()
    formats.register(one)
    yield one
    assert formats.unregister("nested") is one


def test_a_project_can_register_a_format(nested: Format) -> None:
    document = formats.render(SERVERS, "nested", base={"tools": {"other": 1}})
    assert document == {"tools": {"other": 1, "mcp": {"list": {"a": {"command": "x"}}}}}
    found = formats.parse(document)
    assert found.format is nested
    assert found.servers == SERVERS
    assert found.rest == {"tools": {"other": 1, "mcp": {}}}
    with pytest.raises(InvalidValue, match="a format needs a unique name, not 'nested'"):
        formats.register(Nested())


def test_an_unknown_format_cannot_be_unregistered() -> None:
    with pytest.raises(InvalidValue, match="there is no format 'nested'"):
        formats.unregister("nested")


@pytest.mark.parametrize("name", ["vscode", "vscode-settings", "engine"])
def test_inputs_are_written_and_read(name: str) -> None:
    document = formats.render(SERVERS, name, inputs=INPUTS)
    found = formats.parse(document, name)
    assert found.inputs == INPUTS
    assert formats.parse(formats.render({}, name, base=found.rest), name).inputs == []


def test_inputs_in_the_file_are_kept_or_replaced_by_id() -> None:
    base = {"servers": {}, "inputs": [{"id": "t", "description": "old"}, {"id": "u"}]}
    assert formats.render(SERVERS, "vscode", inputs=INPUTS, base=base)["inputs"] == [
        {"id": "u"},
        *INPUTS,
    ]
    assert formats.render(SERVERS, "vscode", base=base)["inputs"] == base["inputs"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "inputs: must be a list, not an object"),
        ([3], "inputs.0: must be an object, not a number"),
        ([{"type": "promptString"}], "inputs.0: must have an id that is a string"),
        ([{"id": "a"}, {"id": "a"}], "inputs.1: the id 'a' is used twice"),
    ],
)
def test_invalid_inputs_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.parse({"servers": {}, "inputs": inputs})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "base", "message"),
    [
        ("mcpServers", {"mcpServers": []}, "mcpServers: must be an object, not a list"),
        ("vscode-settings", {"mcp": 3}, "mcp: must be an object, not a number"),
        ("vscode", {"servers": {}, "inputs": {}}, "inputs: must be a list, not an object"),
    ],
)
def test_another_value_at_the_path_of_the_servers_is_not_overwritten(
    name: str, base: Any, message: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.render(SERVERS, name, inputs=INPUTS, base=base)
    assert str(caught.value) == message


def test_the_flat_format_refuses_names_with_a_dollar() -> None:
    with pytest.raises(InvalidDocument, match="'\\$a' cannot be the name of a server in the flat"):
        formats.render({"$a": SERVERS["a"]}, "flat")


def test_the_engines_own_document_is_unchanged() -> None:
    server = {"command": "x", "later": [None], "internal": {"enabled": True, "mood": "?"}}
    document = {"version": "9", "servers": {"a": server}, "settings": {"b": None}, "c": 1}
    found = formats.parse(document)
    assert found.format.name == "engine"
    assert found.servers == {"a": {"transport": "stdio", **server}}
    assert found.settings == {"b": None}
    assert found.rest == {"version": "9", "settings": {"b": None}, "c": 1}
    with pytest.raises(InvalidDocument, match="settings: must be an object, not a list"):
        formats.parse({**document, "settings": []})


def test_a_new_document_has_the_settings_of_the_engine() -> None:
    document = formats.render(SERVERS, "engine")
    assert document["version"] == "1.0.2"
    assert document["settings"]["backup"]["maxBackups"] == 10
    assert document["servers"] == SERVERS


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/shop/.vscode/mcp.json", "vscode"),
        ("/srv/shop/.vscode/settings.json", "vscode-settings"),
        ("/srv/shop/.mcp.json", "mcpServers"),
        ("/home/me/.cursor/mcp.json", "mcpServers"),
        ("/Users/me/Library/Application Support/Claude/claude_desktop_config.json", "mcpServers"),
        ("/home/me/.codeium/windsurf/mcp_config.json", "windsurf"),
        ("/home/me/.gemini/settings.json", "gemini"),
        (".gemini/settings.json", "gemini"),
        ("/x/cline_mcp_settings.json", "cline"),
        ("/srv/shop/.roo/mcp.json", "roo"),
        ("/home/me/.codex/config.toml", "codex"),
        ("/home/me/.config/zed/settings.json", "zed"),
        ("settings.json", None),
        ("mcp.json", None),
        ("/etc/x.vscode/mcp.json", None),
        ("", None),
    ],
)
def test_of_file_returns_the_format_of_the_clients_file(path: str, name: str | None) -> None:
    found = formats.of_file(path)
    assert (found and found.name) == name


def test_the_path_decides_if_the_content_is_inconclusive() -> None:
    document = {"mcpServers": {"a": {"url": "https://a/mcp"}}}
    assert formats.parse(document).servers["a"]["transport"] == "http"
    path = "/home/me/.gemini/settings.json"
    assert formats.parse(document, path=path).servers["a"]["transport"] == "sse"
    # An explicit format takes precedence, and so does content of another format.
    assert formats.parse(document, "cursor", path=path).servers["a"]["transport"] == "http"
    assert formats.parse(document, path="/home/me/.codex/config.toml").format.name == "mcpServers"


def test_an_undefined_input_causes_a_warning() -> None:
    server = {"command": "x", "env": {"A": "${input:t}", "B": "${input:u} ${C}"}}
    found = formats.parse({"servers": {"a": server}, "inputs": INPUTS})
    assert found.warnings == ("servers.a.env.B refers to the input 'u': it is not defined",)
    # If the format has no inputs, they are defined elsewhere.
    assert not formats.parse({"mcpServers": {"a": server}}).warnings


def test_values_that_a_client_does_not_support_cause_warnings() -> None:
    servers = {
        "a": {"transport": "stdio", "command": "x", "env": {"A": "${input:t}", "B": "${env:C}"}},
        "b": {"transport": "http", "url": "unix:///run/b.sock", "metadata": {"of": "${input:u}"}},
        "c": {"transport": "http", "url": "${BASE}://c"},
    }
    assert formats.get("cursor").warnings(servers, INPUTS) == [
        "mcpServers.a.env.A refers to the input 't': a document with mcpServers has no inputs",
        "mcpServers.b.url begins with unix://, which a document with mcpServers does not support",
    ]
    assert formats.get("vscode").warnings(servers, INPUTS) == []
    assert formats.get("vscode").warnings(servers) == [
        "servers.a.env.A refers to the input 't': it is not defined"
    ]
    assert formats.get("engine").warnings(servers, INPUTS) == []
