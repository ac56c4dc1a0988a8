"""A document that is too large is refused quickly, with the limit that it exceeds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_master_storage.engine import formats
from agent_master_storage.engine.exceptions import InvalidDocument
from agent_master_storage.engine.formats import limits


def deep(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = [found]
    return found


def test_the_size_of_a_text_is_limited() -> None:
    room = limits.MAX_SIZE - len('{"a":""}')
    text = '{"a":"%s"}'
    assert formats.loads(text % ("x" * room))
    assert formats.loads((text % ("x" * room)).encode())
    message = "the text has 1,048,577 bytes; at most 1,048,576 are allowed"
    for data in (text % ("x" * (room + 1)), (text % ("x" * (room + 1))).encode()):
        with pytest.raises(InvalidDocument, match=message):
            formats.parse(data)
    # In bytes: a character has up to four.
    with pytest.raises(InvalidDocument, match="at most 1,048,576 are allowed"):
        formats.parse(text % ("🔑" * (room // 4 + 1)))


@pytest.mark.parametrize("name", formats.SYNTAXES)
def test_the_depth_is_limited(name: str) -> None:
    levels = limits.MAX_DEPTH - 1
    good = {"a": deep(levels)}
    assert formats.loads(json.dumps(good), "json") == good
    assert formats.dumps(good, name)
    for bad in ({"a": deep(levels + 1)}, {"a": deep(levels + 100)}):
        with pytest.raises(InvalidDocument, match=r"a\.0\.0\.0: nested deeper than 64 levels"):
            formats.parse(bad)
        with pytest.raises(InvalidDocument, match="nested deeper than 64 levels"):
            formats.dumps(bad, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", "[" * 100_000),
        ("json", '{"a":' * 100_000),
        ("yaml", "[" * 100_000),
        ("yaml", "{a: " * 20_000),
        ("yaml", "\n".join(" " * i + "a:" for i in range(1_000))),
        ("toml", "a = " + "[" * 100_000),
        ("toml", "a." * 100_000 + "b = 1"),
        ("toml", "[" + '"a" . ' * 100_000 + "b]"),
        ("toml", "x = {" + "'a'." * 100_000 + "b = 1}"),
        # An unclosed token is scanned once, not again from each of its characters.
        ("json", '"' + '\\"' * 500_000),
        ("json", "/*" * 500_000),
        ("json", "[," * 500_000),
    ],
    ids=lambda text: text[:8],
)
def test_no_text_takes_long(name: str, text: str) -> None:
    with pytest.raises(InvalidDocument):
        formats.loads(text, name)


def test_a_long_text_in_toml_is_not_a_long_key() -> None:
    text = "a." * 100
    assert formats.loads(f'[x."y.z"]\nb = "{text} "', "toml")["x"]["y.z"]["b"] == f"{text} "


def test_the_tree_is_limited_if_aliases_make_it_large() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    with pytest.raises(InvalidDocument, match="the document has more than 200,000 values"):
        formats.loads("\n".join(lines), "yaml")
    wide = f"a: &a [{'x, ' * 100_000}]\nb: [{'*a, ' * 90_000}]"
    with pytest.raises(InvalidDocument, match="the document has more than 200,000 values"):
        formats.loads(wide, "yaml")
    with pytest.raises(InvalidDocument, match="nested deeper than 64 levels"):
        formats.loads("a: &a {b: *a}", "yaml")


def test_a_wide_document_is_limited() -> None:
    wide = {"a": [0] * limits.MAX_NODES}
    with pytest.raises(InvalidDocument, match="the document has more than 200,000 values"):
        formats.parse(wide)


@pytest.mark.parametrize("name", ["mcpServers", "vscode", "flat", "engine"])
def test_the_number_of_servers_is_limited(name: str) -> None:
    servers = {
        f"s{i}": {"transport": "stdio", "command": "x"} for i in range(limits.MAX_SERVERS + 1)
    }
    document = formats.render(servers, name)
    with pytest.raises(InvalidDocument, match="has 5,001 servers; at most 5,000"):
        formats.parse(document, name)
    del servers["s0"]
    assert len(formats.parse(formats.render(servers, name), name).servers) == limits.MAX_SERVERS
