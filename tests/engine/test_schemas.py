"""The JSON Schemas take what is right and refuse what is wrong, as the formats themselves do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator, Draft202012Validator

from agent_master_storage.admin.widgets import ValueArea
from agent_master_storage.engine import formats, schemas
from agent_master_storage.engine.formats import Format
from agent_master_storage.engine.settings import new_document
from agent_master_storage.exceptions import InvalidValue

from .documents import GO
from .formats import strategies
from .formats.strategies import often

CLIENTS = Path(__file__).parent / "data" / "clients"
SAMPLE = Path(__file__).parents[2] / "demo_project" / "sample.json"

FORMATS = [pytest.param(one, id=one.name) for one in formats.all_formats()]


def faults(document: Any, format: str | Format) -> list[str]:
    validator = Draft202012Validator(schemas.load(format))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_one(format: Format) -> None:
    schema = schemas.load(format)
    assert schema["$schema"] == schemas.DRAFT
    Draft202012Validator.check_schema(schema)
    for file in Path(schemas.__file__).parent.glob("*.json"):
        Draft202012Validator.check_schema(json.loads(file.read_text("utf-8")))
    assert format.name in schemas.names()


@pytest.mark.parametrize("format", FORMATS)
def test_it_needs_no_other_file(format: Format) -> None:
    text = json.dumps(schemas.load(format))
    assert ".json#" not in text
    # A loaded one may be changed without harm to others.
    schemas.load(format).clear()
    assert json.dumps(schemas.load(format)) == text


@pytest.mark.parametrize("name", sorted(path.name for path in CLIENTS.iterdir()))
def test_configurations_of_readmes_are_valid(name: str) -> None:
    document = formats.loads((CLIENTS / name).read_text("utf-8"))
    assert faults(document, formats.detect(document)) == []


def test_the_documents_of_the_demo_are_valid() -> None:
    checked = []
    for key, document in json.loads(SAMPLE.read_text("utf-8")).items():
        schema = schemas.for_document(document)
        if schema is not None:
            assert not list(Draft202012Validator(schema).iter_errors(document)), key
            checked.append(key)
    assert {"config", "targets:cursor:config", "targets:vscode:config"} <= set(checked)
    assert "projects:home-projects-shop:config" in checked


@pytest.mark.parametrize("document", [json.loads(GO), new_document()])
def test_what_the_engine_writes_is_valid(document: Any) -> None:
    assert faults(document, "engine") == []


@pytest.mark.parametrize("format", FORMATS)
@often
@given(servers=strategies.named, inputs=strategies.inputs)
def test_whatever_is_written_is_valid(format: Format, servers: Any, inputs: Any) -> None:
    assert faults(formats.render(servers, format, inputs=inputs), format) == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("server", "where"),
    [
        (3, ""),
        ([], ""),
        ({}, ""),
        ({"command": ""}, ""),
        ({"url": ""}, ""),
        ({"command": ["npx"]}, ".command"),
        ({"command": "x", "args": "-y pkg"}, ".args"),
        ({"command": "x", "args": [["y"]]}, ".args[0]"),
        ({"command": "x", "env": ["A=b"]}, ".env"),
        ({"command": "x", "env": {"A": ["b"]}}, ".env.A"),
        ({"url": 3}, ".url"),
        ({"url": "x", "headers": "A: b"}, ".headers"),
    ],
)
def test_a_wrong_server_is_refused(format: Format, server: Any, where: str) -> None:
    document = formats.render({"good": {"transport": "stdio", "command": "x"}}, format)
    assert faults(document, format) == []
    servers = document
    for key in format.path:
        servers = servers[key]
    servers["bad"] = server
    path = ".".join(["$", *format.path, "bad"])
    found = faults(document, format)
    assert found
    assert all(one.startswith(path) for one in found)
    # Where a server may be several things the fault is that of the whole.
    assert format.name == "zed" or any(one.startswith(f"{path}{where}:") for one in found)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("document", [[], "x", None, 3])
def test_what_is_no_object_is_refused(format: Format, document: Any) -> None:
    assert faults(document, format)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("mcpServers", {}),
        ("mcpServers", {"servers": {"a": {"command": "x"}}}),
        ("mcpServers", {"mcpServers": []}),
        ("mcpServers", {"mcpServers": {"a": {"url": "x", "type": "ws"}}}),
        ("mcpServers", {"mcpServers": {"a": {"url": "x", "type": "stdio"}}}),
        ("mcpServers", {"mcpServers": {"a": {"command": "x", "disabled": "no"}}}),
        ("vscode", {"servers": {"a": {"type": "streamable-http", "url": "x"}}}),
        ("vscode", {"servers": {}, "inputs": {}}),
        ("vscode", {"servers": {}, "inputs": [{"type": "promptString"}]}),
        ("vscode", {"servers": {}, "inputs": [{"id": "a", "type": "prompt"}]}),
        ("vscode", {"servers": {"a": {"command": "x", "sandboxEnabled": 1}}}),
        ("vscode-settings", {"servers": {}}),
        ("vscode-settings", {"mcp": {}}),
        ("cline", {"mcpServers": {"a": {"command": "x", "autoApprove": "all"}}}),
        ("roo", {"mcpServers": {"a": {"command": "x", "alwaysAllow": True}}}),
        ("roo", {"mcpServers": {"a": {"url": "x", "type": "streamableHttp"}}}),
        ("gemini", {"mcpServers": {"a": {"command": "x", "trust": "yes"}}}),
        ("codex", {"mcp_servers": {"a": {"command": "x", "startup_timeout_sec": "9"}}}),
        ("zed", {"context_servers": {"a": {"source": "extension"}}}),
        ("flat", {"a": {"comand": "x"}}),
    ],
)
def test_a_wrong_document_is_refused(name: str, document: Any) -> None:
    assert faults(document, name)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 1),
        (("servers",), []),
        (("servers", "files", "transport"), "ws"),
        (("servers", "files", "transport"), ""),
        (("servers", "files", "internal", "enabled"), "yes"),
        (("servers", "files", "internal", "lastModified"), "yesterday"),
        (("servers", "files", "internal", "lastModified"), "2026-11-23T12:54:04"),
        (("servers", "files", "internal", "syncTargets"), "all"),
        (("settings",), []),
        (("settings", "autoSync", "watchInterval"), "1s"),
        (("settings", "autoSync", "watchInterval"), 1.5),
        (("settings", "backup", "maxBackups"), -1),
        (("metadata",), {"inputs": [{}]}),
    ],
)
def test_a_wrong_document_of_the_engine_is_refused(path: tuple[str, ...], value: Any) -> None:
    document = json.loads(GO)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    found = faults(document, "engine")
    assert any(one.startswith(".".join(["$", *path])) for one in found)


@pytest.mark.parametrize("format", FORMATS)
def test_an_editor_of_draft_7_understands_it(format: Format) -> None:
    schema = schemas.for_editor(format)
    assert "$schema" not in schema
    Draft7Validator.check_schema(schema)
    good = formats.render({"a": {"transport": "http", "url": "https://a/"}}, format)
    bad = copy.deepcopy(good)
    servers = bad
    for key in format.path:
        servers = servers[key]
    servers["a"] = {"url": 3}
    for document, right in ((good, True), (bad, False)):
        assert Draft7Validator(schema).is_valid(document) is right
        assert Draft202012Validator(schemas.load(format)).is_valid(document) is right


def test_there_is_none_of_what_is_unknown() -> None:
    assert schemas.for_document({"name": "x"}) is None
    assert schemas.for_document([]) is None
    with pytest.raises(InvalidValue, match="there is no format 'emacs'"):
        schemas.load("emacs")
    assert schemas.load("cursor") == schemas.load("mcpServers")


def test_the_editor_of_the_admin_gets_it() -> None:
    shown = ValueArea().get_context("text", json.dumps({"mcpServers": {"a": {"command": "x"}}}), {})
    schema = json.loads(shown["widget"]["attrs"]["data-schema"])
    assert schema == schemas.for_editor("mcpServers")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"theme": "dark"}',
        # Somebody else's servers are none of ours.
        '{"servers": {"web": {"host": "10.0.0.1"}}}',
        # The editor leaves alone what JavaScript would change.
        '{"mcpServers": {"a": {"command": "x", "timeout": 1.0}}}',
    ],
)
def test_other_texts_have_none(text: str) -> None:
    assert "data-schema" not in ValueArea().get_context("text", text, {})["widget"]["attrs"]
