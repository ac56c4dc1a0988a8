"""The JSON Schemas accept and refuse the same documents as the formats and the models."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import ValidationError

from agent_master_storage.admin.widgets import ValueArea
from agent_master_storage.engine import formats, schemas
from agent_master_storage.engine.formats import Format
from agent_master_storage.engine.json_object import JsonObject
from agent_master_storage.engine.server import MAX_NAME_LENGTH, TRANSPORTS, Internal, ServerConfig
from agent_master_storage.engine.settings import (
    AutoSyncSettings,
    BackupSettings,
    Settings,
    SyncSettings,
    new_document,
)
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
def test_every_format_has_a_schema(format: Format) -> None:
    schema = schemas.load(format)
    assert schema["$schema"] == schemas.DRAFT
    Draft202012Validator.check_schema(schema)
    for file in Path(schemas.__file__).parent.glob("*.json"):
        Draft202012Validator.check_schema(json.loads(file.read_text("utf-8")))
    assert format.name in schemas.names()


@pytest.mark.parametrize("format", FORMATS)
def test_a_schema_does_not_refer_to_other_files(format: Format) -> None:
    text = json.dumps(schemas.load(format))
    assert ".json#" not in text
    # Changing a loaded schema does not affect others.
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
def test_documents_of_the_engine_are_valid(document: Any) -> None:
    assert faults(document, "engine") == []


@pytest.mark.parametrize("format", FORMATS)
@often
@given(servers=strategies.named, inputs=strategies.inputs)
def test_rendered_documents_are_valid(format: Format, servers: Any, inputs: Any) -> None:
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
def test_an_invalid_server_is_refused(format: Format, server: Any, where: str) -> None:
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
    # If a server has alternatives, the fault is reported for the whole server.
    assert format.name == "zed" or any(one.startswith(f"{path}{where}:") for one in found)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("document", [[], "x", None, 3])
def test_other_types_than_objects_are_refused(format: Format, document: Any) -> None:
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
def test_an_invalid_document_is_refused(name: str, document: Any) -> None:
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
def test_an_invalid_document_of_the_engine_is_refused(path: tuple[str, ...], value: Any) -> None:
    document = json.loads(GO)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    found = faults(document, "engine")
    assert any(one.startswith(".".join(["$", *path])) for one in found)


@pytest.mark.parametrize("format", FORMATS)
def test_for_editor_is_valid_in_draft_7(format: Format) -> None:
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


def test_unknown_formats_have_no_schema() -> None:
    assert schemas.for_document({"name": "x"}) is None
    assert schemas.for_document([]) is None
    with pytest.raises(InvalidValue, match="there is no format 'emacs'"):
        schemas.load("emacs")
    assert schemas.load("cursor") == schemas.load("mcpServers")


def test_the_editor_of_the_admin_gets_the_schema() -> None:
    shown = ValueArea().get_context("text", json.dumps({"mcpServers": {"a": {"command": "x"}}}), {})
    schema = json.loads(shown["widget"]["attrs"]["data-schema"])
    assert schema == schemas.for_editor("mcpServers")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"theme": "dark"}',
        # Servers of another kind are not MCP servers.
        '{"servers": {"web": {"host": "10.0.0.1"}}}',
        # The editor is not used for values that JavaScript would change.
        '{"mcpServers": {"a": {"command": "x", "timeout": 1.0}}}',
    ],
)
def test_other_texts_have_no_schema(text: str) -> None:
    assert "data-schema" not in ValueArea().get_context("text", text, {})["widget"]["attrs"]


# The schema of the engine's document and the pydantic models describe the same objects

ENGINE = json.loads((Path(schemas.__file__).parent / "engine.json").read_text("utf-8"))
SETTINGS = ENGINE["$defs"]["settings"]["properties"]
MODELS = {
    "server": (ServerConfig, ENGINE["$defs"]["server"]["properties"]),
    "internal": (Internal, ENGINE["$defs"]["internal"]["properties"]),
    "autoSync": (AutoSyncSettings, SETTINGS["autoSync"]["properties"]),
    "backup": (BackupSettings, SETTINGS["backup"]["properties"]),
    "sync": (SyncSettings, SETTINGS["sync"]["properties"]),
}
#: values of every JSON type, to find out which of them a field accepts
PROBES: list[Any] = [
    True,
    1,
    1.5,
    "x",
    "2026-11-23T12:54:04Z",
    [],
    ["x"],
    [1],
    [[]],
    {},
    {"a": "b"},
]


def names_in(model: type[JsonObject]) -> set[str]:
    return set(model.model_json_schema(by_alias=True)["properties"])


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_names_the_fields_of_the_model(name: str) -> None:
    model, properties = MODELS[name]
    # In a server's object, what the engine stores about it is next to its configuration.
    assert set(properties) - {"internal"} == names_in(model)


def test_the_schema_of_settings_names_the_models_and_the_sections_of_go() -> None:
    sections = new_document()["settings"]
    assert set(SETTINGS) == names_in(Settings) | set(sections)
    for name in set(sections) - names_in(Settings):
        assert set(SETTINGS[name]["properties"]) == set(sections[name])


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"server"}))
def test_the_schema_accepts_what_the_model_accepts(name: str) -> None:
    model, properties = MODELS[name]
    schema = schemas.load("engine")
    for field in properties:
        validator = Draft202012Validator(
            {**_property(schema, name, field), "$defs": schema["$defs"]}
        )
        for value in PROBES:
            assert validator.is_valid(value) is _accepts(model, field, value), (field, value)


def _property(schema: Any, name: str, field: str) -> Any:
    settings = schema["$defs"]["settings"]["properties"]
    parent = schema["$defs"]["internal"] if name == "internal" else settings[name]
    return parent["properties"][field]


def _accepts(model: type[JsonObject], field: str, value: Any) -> bool:
    """Whether the model accepts a value strictly, as it does when a document is imported."""
    try:
        model.model_validate_json(json.dumps({field: value}), strict=True)
    except ValidationError:
        return False
    return True


def test_the_schema_has_the_constants_of_the_code() -> None:
    assert ENGINE["$defs"]["server"]["properties"]["transport"]["enum"] == list(TRANSPORTS)
    assert ENGINE["properties"]["servers"]["propertyNames"]["maxLength"] == MAX_NAME_LENGTH
    assert set(new_document()) <= set(ENGINE["properties"])
