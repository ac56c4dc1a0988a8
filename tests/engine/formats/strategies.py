"""Servers and documents for property-based tests."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from agent_master_storage.engine import formats
from agent_master_storage.engine.formats.server_keys import Spelling

often = settings(max_examples=50)

#: every character that UTF-8 can encode
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
some = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)

KNOWN = {key for one in formats.all_formats() for key in one.spelling.known | Spelling().known} | {
    "settings"
}

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | numbers | texts


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda part: st.lists(part, max_size=3) | st.dictionaries(texts, part, max_size=3),
        max_leaves=8,
    )


#: without null, which TOML lacks
values = trees(scalars)
foreign = st.dictionaries(some.filter(lambda key: key not in KNOWN), values, max_size=3)
pairs = st.dictionaries(some, texts, max_size=3)
urls = st.sampled_from(
    ["https://mcp.example.com/mcp", "http://localhost:8000/sse", "https://a.b/sse/", "x", "//["]
)


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    """A server with the keys of the stored document."""
    transport = draw(st.sampled_from(["stdio", "sse", "http", "streamable-http"]))
    local = transport == "stdio"
    found: dict[str, Any] = {"transport": transport}
    if local or draw(st.booleans()):
        found["command"] = draw(some)
        found |= draw(st.fixed_dictionaries({}, optional={"args": st.lists(texts, max_size=3)}))
        found |= draw(st.fixed_dictionaries({}, optional={"env": pairs}))
    if not local or draw(st.booleans()):
        found["url"] = draw(urls)
        found |= draw(st.fixed_dictionaries({}, optional={"headers": pairs}))
    found |= draw(foreign)
    if draw(st.booleans()):
        found["internal"] = {"enabled": False}
    return found


named = st.dictionaries(some.filter(lambda name: not name.startswith("$")), servers(), max_size=3)
documents = st.dictionaries(texts, values, max_size=4)
inputs = st.lists(
    st.fixed_dictionaries({"id": some, "type": st.just("promptString"), "password": st.booleans()}),
    max_size=3,
    unique_by=lambda one: one["id"],
)


@st.composite
def spelled(draw: st.DrawFn) -> dict[str, Any]:
    """A server as it may be written in a client's file."""
    raw: dict[str, Any] = {}
    if draw(st.booleans()):
        raw["command"] = draw(some)
        raw |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "args": st.none() | st.lists(texts | numbers | st.booleans(), max_size=3),
                    "env": st.none() | st.dictionaries(some, st.none() | scalars, max_size=3),
                    "type": st.sampled_from(["stdio", "STDIO", "local"]),
                },
            )
        )
    else:
        raw[draw(st.sampled_from(["url", "serverUrl", "httpUrl"]))] = draw(urls)
        word = st.sampled_from(["sse", "http", "streamable-http", "streamableHttp"])
        for key in draw(st.sets(st.sampled_from(["type", "transport"]), max_size=1)):
            raw[key] = draw(word)
        raw |= draw(st.fixed_dictionaries({}, optional={"headers": st.none() | pairs}))
    raw |= draw(foreign)
    raw |= draw(st.fixed_dictionaries({}, optional={"disabled": st.booleans()}))
    return raw
