"""Parsing of JSON with comments, YAML and TOML, and the positions of faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.engine.formats import syntax
from agent_master_storage.engine.formats.syntax import json_syntax as jsontext
from agent_master_storage.exceptions import InvalidValue

from . import strategies
from .strategies import often

MCP = {"mcpServers": {"a": {"command": "x", "args": ["y"]}}}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{}", "json"),
        ("\n  // a comment\n{}", "json"),
        ("/* a\ncomment */ {}", "json"),
        ("[1, 2]", "json"),
        ('[{"a": 1}]', "json"),
        ("a: 1", "yaml"),
        ("# a comment\na: 1", "yaml"),
        ("---\na: 1", "yaml"),
        ('"github": {"command": "x"}', "yaml"),
        ("url: http://a/?b=c", "yaml"),
        ("a = 1", "toml"),
        ("# a comment\n\n[mcp_servers.a]\n", "toml"),
        ('[mcp_servers."a b"] # c', "toml"),
        ("[[a]]", "toml"),
        ('"a b" = 1', "toml"),
    ],
)
def test_the_syntax_is_guessed_from_the_first_line(text: str, name: str) -> None:
    assert syntax.guess(text) == name


@pytest.mark.parametrize("name", formats.SYNTAXES)
def test_every_syntax_is_parsed(name: str) -> None:
    text = formats.dumps(MCP, name)
    assert formats.parse(text).servers == formats.parse(MCP).servers
    assert formats.parse(text.encode(), syntax=name).servers == formats.parse(MCP).servers


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.json", "json"), ("A.JSONC", "json"), ("x/a.yml", "yaml"), ("a.toml", "toml"), ("a", None)],
)
def test_the_syntax_of_a_file_name(name: str, expected: str | None) -> None:
    assert syntax.of_file(name) == expected


def test_comments_and_trailing_commas_are_read() -> None:
    text = """
    // the servers
    {
      "mcpServers": {
        "a": {"command": "x", /* not "y" */ "args": ["//", "/*", ",]", "\\",}", ],}, // the only
      },
    } // done
    """
    assert formats.loads(text) == {
        "mcpServers": {"a": {"command": "x", "args": ["//", "/*", ",]", '",}']}}
    }


@often
@given(
    document=strategies.documents,
    noise=st.lists(st.sampled_from(["//\n", "/**/", "/*,*/", "// }\r\n", " "]), min_size=1),
)
def test_comments_do_not_change_the_document(document: Any, noise: list[str]) -> None:
    filler = "".join(noise)
    # Line ends of the layout are not inside texts, where they would be escaped.
    text = json.dumps(document, indent=1).replace("\n", f"\n{filler}")
    assert formats.loads(text, "json") == document
    assert len(jsontext.without_comments(text)) == len(text)


@pytest.mark.parametrize(
    "text", ["{,}", "[,]", "[1,,]", '{"a": 1,,}', "[ , ]", ",", "{} /* open", "{'a': 1}", "{a: 1}"]
)
def test_invalid_json_with_comments_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument, match="line 1, column"):
        formats.loads(text, "json")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("json", '{\n  // c\n  "a": 1\n  "b": 2\n}', "line 4, column 3: not JSON: Expecting ','"),
        ("json", '{"a": 1, "b": 2, "a": 3}', "duplicate key 'a'"),
        ("json", '{"a": [0, {"b": 1, "b": 1}]}', "a.1: duplicate key 'b'"),
        ("json", '{"a": 1} /* b', "line 1, column 10: not JSON: Extra data"),
        ("json", '{"a": "b}', "line 1, column 7: not JSON: Unterminated string"),
        ("json", '{"a": NaN}', "a: must be a finite number"),
        ("json", '{"a": [1, 1e999]}', "a.1: must be a finite number"),
        ("json", '{"a": "\\ud800"}', "a: contains a lone surrogate, which UTF-8 cannot encode"),
        ("json", '{"\\udc00": 1}', "contains a lone surrogate"),
        ("json", '{"a": ' + "1" * 5000 + "}", "not JSON: Exceeds the limit"),
        ("json", "", "the text is empty"),
        ("json", " \n", "the text is empty"),
        ("yaml", "a: 1\nb: [\n", "line 3, column 1: not YAML: did not find expected node content"),
        ("yaml", "a: 1\na: 2", "line 2, column 1: not YAML: duplicate key 'a'"),
        ("yaml", "a:\n  b: 1\n  b: 2", "line 3, column 3: not YAML: duplicate key 'b'"),
        ("yaml", "1: 2", "the key 1 is not a string"),
        ("yaml", "[a]: 2", "line 1, column 1: not YAML: a key must be a string"),
        ("yaml", "a: 1\n--- \nb: 2", "line 2, column 1: not YAML: but found another document"),
        ("yaml", "a: *b", "line 1, column 4: not YAML: found undefined alias"),
        ("yaml", "a: !!python/object:os.system x", "could not determine a constructor for the tag"),
        ("yaml", "a: .inf", "a: must be a finite number"),
        ("toml", "a = 1\nb = \n", "line 2, column 5: not TOML: Invalid value"),
        ("toml", "a = 1\na = 2", "not TOML: Cannot overwrite a value"),
        ("toml", "a = nan", "a: must be a finite number"),
    ],
)
def test_a_fault_is_reported_with_its_position(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        formats.loads(text, name)
    assert message in str(caught.value)


def test_yaml_is_parsed_by_the_rules_of_json() -> None:
    text = """
    switch: on
    country: no
    time: 12:30:45
    date: 2026-11-23
    version: 1.10
    code: 007
    commit: 12e5
    hex: 0x1F
    port: 8080
    ratio: 0.5
    yes: true
    nothing:
    """
    assert formats.loads(text, "yaml") == {
        "switch": "on",
        "country": "no",
        "time": "12:30:45",
        "date": "2026-11-23",
        "version": "1.10",
        "code": "007",
        "commit": "12e5",
        "hex": "0x1F",
        "port": 8080,
        "ratio": 0.5,
        "yes": True,
        "nothing": None,
    }


def test_yaml_supports_anchors_and_merge_keys() -> None:
    text = """
    base: &base {command: npx, env: {A: b}}
    mcpServers:
      one: *base
      two: {<<: *base, command: uvx}
    """
    found = formats.parse(text).servers
    assert found["one"] == {"transport": "stdio", "command": "npx", "env": {"A": "b"}}
    assert found["two"]["command"] == "uvx"


def test_a_byte_order_mark_is_ignored() -> None:
    assert formats.loads(b"\xef\xbb\xbf{}") == {}
    assert formats.loads("\ufeff{}") == {}


def test_invalid_utf8_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="not UTF-8: byte 2"):
        formats.loads(b'{"\xff": 1}')
    with pytest.raises(InvalidDocument, match="not UTF-8: byte 0"):
        formats.loads('{"a": 1}'.encode("utf-16"))


def test_toml_has_no_null() -> None:
    with pytest.raises(
        InvalidDocument, match=r"mcp_servers\.a\.x\.1: is null, which TOML cannot represent"
    ):
        formats.dumps({"mcp_servers": {"a": {"x": [1, None]}}}, "toml")
    with pytest.raises(InvalidDocument, match="the top level of TOML must be an object"):
        formats.dumps([1], "toml")


def test_an_unknown_syntax_is_refused() -> None:
    for call in (formats.loads, formats.dumps):
        with pytest.raises(InvalidValue, match="syntax must be one of json, yaml, toml, not 'xml'"):
            call("{}", "xml")


def test_json_is_written_as_the_engine_does() -> None:
    assert formats.dumps({"a": ["ü"]}) == '{\n  "a": [\n    "ü"\n  ]\n}'
    assert formats.dumps({"a": ["ü"]}, "yaml") == "a:\n- ü\n"
    assert formats.dumps({"a": {"b": ["ü"]}}, "toml") == '[a]\nb = ["ü"]\n'
