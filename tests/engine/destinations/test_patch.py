"""A patched text has the right content, and keeps all other comments and whitespace."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_master_storage.engine import formats
from agent_master_storage.engine.destinations.patch import patch

NEW = {"a": {"command": "x"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"servers": {}}', '{"servers": {\n    "a": {\n      "command": "x"\n    }\n  }}'),
        ("{}", '{\n  "servers": {\n    "a": {\n      "command": "x"\n    }\n  }\n}'),
        ("{ // c\n}", '{\n  "servers": {\n    "a": {\n      "command": "x"\n    }\n  }\n// c\n}'),
        (
            '{\n\t"b": 1, // one\n\t/* two */ "servers": null, "c": [2,],\n}\n',
            '{\n\t"b": 1, // one\n\t/* two */ "servers": {\n\t\t"a": {\n\t\t\t"command": "x"\n\t\t}'
            '\n\t}, "c": [2,],\n}\n',
        ),
        (
            '{\n    "b": 1\n}',
            '{\n    "b": 1,\n    "servers": {\n        "a": {\n            "command": "x"\n'
            "        }\n    }\n}",
        ),
        # Unchanged parts are kept at every level. If a server is removed, all are rewritten.
        (
            '{"servers": {"b": 1, /* b */ "a": {"command": /* why */ "y"}, }}',
            '{"servers": {\n    "a": {\n      "command": "x"\n    }\n  }}',
        ),
        (
            '{"servers": {"a": {"command": /* why */ "y"}, /* b */ }}',
            '{"servers": {"a": {"command": /* why */ "x"}, /* b */ }}',
        ),
        # A similar key, and an escape.
        (
            '{"x": "\\"servers\\": 1", "y": {"servers": 2}, "\\u0073ervers": 3}',
            '{"x": "\\"servers\\": 1", "y": {"servers": 2}, "\\u0073ervers": {\n    "a": {\n      '
            '"command": "x"\n    }\n  }}',
        ),
    ],
)
def test_json_is_patched(text: str, expected: str) -> None:
    document = {**formats.loads(text, "json"), "servers": NEW}
    assert patch(text, document, [("servers",)], "json") == expected


def test_adding_a_server_does_not_affect_the_others() -> None:
    text = '{\n  "servers": {\n    "b": {"command": "y"}, // mine\n  }\n}\n'
    document = {"servers": {"b": {"command": "y"}, **NEW}}
    assert patch(text, document, [("servers",)], "json") == (
        '{\n  "servers": {\n    "b": {"command": "y"},\n    "a": {\n      "command": "x"\n    },'
        " // mine\n  }\n}\n"
    )


def test_several_levels_and_paths_are_patched() -> None:
    text = '{\n  "editor": 1, // mine\n  "mcp": {"inputs": [] /* none */}\n}\n'
    document = {
        "editor": 1,
        "mcp": {"inputs": [{"id": "k"}], "servers": NEW},
    }
    paths = [("mcp", "servers"), ("mcp", "inputs")]
    patched = patch(text, document, paths, "json")
    assert patched is not None
    assert formats.loads(patched, "json") == document
    assert "// mine" in patched
    assert "/* none */" in patched
    deep = patch("{}", {"a": {"b": {"c": NEW}}}, [("a", "b", "c")], "json")
    assert json.loads(deep or "") == {"a": {"b": {"c": NEW}}}


def test_toml_keeps_comments_of_unchanged_parts() -> None:
    text = (
        "# head\nx = 1 # one\n\n[mcp_servers.a] # theirs\n# about it\ncommand = 'x' # why\n"
        "\n[mcp_servers.b]\ncommand = 'y'\n\n[other]\nz = 2 # two\n"
    )
    document = formats.loads(text, "toml")
    document["mcp_servers"] = {"a": {"command": "x", "args": ["n"]}, "c": {"command": "z"}}
    patched = patch(text, document, [("mcp_servers",)], "toml")
    assert patched is not None
    assert formats.loads(patched, "toml") == document
    for comment in ("# head", "# one", "# theirs", "# about it", "# why", "# two"):
        assert comment in patched
    assert "mcp_servers.b" not in patched


def test_toml_without_servers_yet() -> None:
    patched = patch("x = 1 # one\n", {"x": 1, "mcp_servers": NEW}, [("mcp_servers",)], "toml")
    assert patched is not None
    assert patched.startswith("x = 1 # one\n")
    assert formats.loads(patched, "toml")["mcp_servers"] == NEW


@pytest.mark.parametrize(
    ("text", "document", "paths", "syntax"),
    [
        ("a: 1", {"a": 2}, [("a",)], "yaml"),
        ('{"a": 1, "b": 2}', {"a": 3, "b": 3}, [("a",)], "json"),
        ('{"a": 1}', {"b": 1}, [("b",)], "json"),
        ('{"a": [1]}', {"a": {"b": 1}}, [("a", "b")], "json"),
        ("[1]", {"a": 1}, [("a",)], "json"),
        ("{", {"a": 1}, [("a",)], "json"),
        ("", {"a": 1}, [("a",)], "json"),
        ("a = [1", {"a": 1}, [("a",)], "toml"),
        ("a = 1", {"a": {"b": 1}}, [("a", "b")], "toml"),
    ],
)
def test_none_is_returned_if_the_text_cannot_be_patched(
    text: str, document: Any, paths: Any, syntax: str
) -> None:
    assert patch(text, document, paths, syntax) is None


NAMES = st.sampled_from(["servers", "mcp", "a", 'q"', "\\", "//", "/*", "ü", ""])
SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5) | NAMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
INDENTS = st.sampled_from([None, 0, 1, 2, 4, "\t"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS, st.dictionaries(NAMES, VALUES, max_size=3), INDENTS, st.booleans())
def test_any_document_is_patched_correctly_or_not_at_all(
    document: Any, servers: Any, indent: Any, deep: bool
) -> None:
    """A text without the path can always be patched."""
    text = json.dumps(document, indent=indent, ensure_ascii=bool(indent))
    path = ("mcp", "servers") if deep else ("servers",)
    wanted = copy.deepcopy(document)
    if deep:
        wanted["mcp"] = {**wanted["mcp"]} if isinstance(wanted.get("mcp"), dict) else {}
        wanted["mcp"]["servers"] = servers
    else:
        wanted["servers"] = servers
    patched = patch(text, wanted, [path], "json")
    if deep and not isinstance(document.get("mcp", {}), dict):
        return
    assert patched is not None
    assert json.loads(patched) == wanted
