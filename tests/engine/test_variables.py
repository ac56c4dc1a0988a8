"""References to variables are found, kept, and replaced on request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_master_storage.engine.variables import (
    MissingVariable,
    Reference,
    find,
    references,
    substitute,
)
from agent_master_storage.exceptions import InvalidValue

from .formats.strategies import often


@pytest.mark.parametrize(
    ("text", "kind", "name", "default"),
    [
        ("${TOKEN}", "env", "TOKEN", None),
        ("${_a1}", "env", "_a1", None),
        ("${TOKEN:-}", "env", "TOKEN", ""),
        ("${TOKEN:-x y}", "env", "TOKEN", "x y"),
        ("${URL:-http://a:1/?b=c}", "env", "URL", "http://a:1/?b=c"),
        ("${A:-${B}}", "env", "A", "${B}"),
        ("${A:-{}}", "env", "A", "{}"),
        ("${env:TOKEN}", "env", "TOKEN", None),
        ("${env:TOKEN:-x}", "env", "TOKEN", "x"),
        ("${input:api-key}", "input", "api-key", None),
        ("${workspaceFolder}", "client", "workspaceFolder", None),
        ("${workspaceFolder:web}", "client", "workspaceFolder:web", None),
        ("${userHome}", "client", "userHome", None),
        ("${/}", "client", "/", None),
        ("${config:a.b}", "client", "config:a.b", None),
        ("${command:a.b}", "client", "command:a.b", None),
        ("${A:b}", "client", "A:b", None),
        ("${1A}", "client", "1A", None),
        ("${}", "client", "", None),
    ],
)
def test_kinds_of_references_are_distinguished(
    text: str, kind: Any, name: str, default: str | None
) -> None:
    assert find(text) == [Reference(text=text, kind=kind, name=name, default=default)]
    assert [one.text for one in find(f"a{text}b{text}")] == [text, text]


@pytest.mark.parametrize("text", ["", "TOKEN", "$TOKEN", "$(TOKEN)", "${TOKEN", "{TOKEN}", "$ {A}"])
def test_other_texts_contain_no_references(text: str) -> None:
    assert find(text) == []
    assert substitute(text, {}) == text


SERVER = {
    "transport": "stdio",
    "command": "${HOME}/bin/x",
    "args": ["--key", "${env:KEY}", "--in", "${workspaceFolder}/a", 3],
    "env": {"A": "Bearer ${TOKEN:-none}", "B": "${input:b}", "plain": "x"},
    "timeout": 30,
    "dev": None,
}


def test_each_reference_has_its_path() -> None:
    found = [(place, one.text) for place, one in references(SERVER, "servers.a")]
    assert found == [
        ("servers.a.command", "${HOME}"),
        ("servers.a.args.1", "${env:KEY}"),
        ("servers.a.args.3", "${workspaceFolder}"),
        ("servers.a.env.A", "${TOKEN:-none}"),
        ("servers.a.env.B", "${input:b}"),
    ]


def test_variables_are_replaced() -> None:
    found = substitute(SERVER, {"HOME": "/home/a", "KEY": "k", "TOKEN": "t"}, {"b": "in"})
    assert found == {
        "transport": "stdio",
        "command": "/home/a/bin/x",
        "args": ["--key", "k", "--in", "${workspaceFolder}/a", 3],
        "env": {"A": "Bearer t", "B": "in", "plain": "x"},
        "timeout": 30,
        "dev": None,
    }
    assert SERVER["command"] == "${HOME}/bin/x"


def test_inputs_are_kept_unless_they_are_given() -> None:
    assert substitute("${input:b}", {}) == "${input:b}"
    assert substitute("${input:b}", {}, {"b": "x"}) == "x"
    with pytest.raises(MissingVariable, match="not set: b"):
        substitute("${input:b}", {}, {})


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-d}", {"A": "x"}, "x"),
        ("${A:-}", {}, ""),
        ("${A}", {"A": ""}, ""),
        ("${A:-${B}}", {"B": "y"}, "y"),
        ("${A:-${B:-z}}", {}, "${B:-z}"),
        ("${A:-{}}", {}, "{}"),
        # The value of a variable is not searched for references.
        ("${A}", {"A": "${B}"}, "${B}"),
        ("${A}${A}", {"A": "x"}, "xx"),
    ],
)
def test_defaults_are_those_of_a_shell(text: str, environment: Any, expected: str) -> None:
    if text == "${A:-${B:-z}}":
        expected = "z"
    assert substitute(text, environment) == expected


def test_all_missing_variables_are_named_with_their_paths() -> None:
    with pytest.raises(MissingVariable) as caught:
        substitute(SERVER, {"TOKEN": "t"}, {}, "a")
    assert caught.value.missing == (
        ("HOME", "a.command"),
        ("KEY", "a.args.1"),
        ("b", "a.env.B"),
    )
    assert str(caught.value) == "not set: HOME (in a.command), KEY (in a.args.1), b (in a.env.B)"
    assert isinstance(caught.value, InvalidValue)
    assert caught.value.code == "missing_variable"


def test_a_variable_that_is_missing_in_a_default_is_reported() -> None:
    with pytest.raises(MissingVariable, match="not set: A"):
        substitute("${A:-${B}}", {})


@often
@given(
    text=st.text(alphabet="${}:-aB_ envinput/"),
    environment=st.dictionaries(st.text(alphabet="aB_", min_size=1), st.text()),
)
def test_no_text_causes_an_error(text: str, environment: Any) -> None:
    try:
        found = substitute(text, environment, {})
    except MissingVariable as error:
        assert error.missing
        return
    if not find(text):
        assert found == text
