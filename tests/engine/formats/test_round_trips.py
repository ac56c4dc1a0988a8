"""Round trips through formats and syntaxes preserve servers and documents."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_master_storage.engine import formats
from agent_master_storage.engine.formats import Format

from . import strategies
from .strategies import often

FORMATS = [pytest.param(one, id=one.name) for one in formats.all_formats()]
CLIENTS = [one for one in formats.all_formats() if one.name != "engine"]


def meaning(servers: Any) -> dict[str, Any]:
    """Normalise: http and streamable-http are two names of one transport."""
    found = copy.deepcopy(dict(servers))
    for server in found.values():
        server["transport"] = server["transport"].replace("streamable-http", "http")
    return found


@pytest.mark.parametrize("format", FORMATS)
@often
@given(servers=strategies.named, inputs=strategies.inputs)
def test_servers_survive_every_format(format: Format, servers: Any, inputs: Any) -> None:
    document = formats.render(servers, format, inputs=inputs)
    found = formats.parse(document, format)
    assert meaning(found.servers) == meaning(servers)
    assert list(found.servers) == list(servers)
    assert not found.warnings
    if format.inputs_path:
        assert list(found.inputs) == inputs


@often
@given(
    servers=strategies.named,
    there=st.sampled_from(CLIENTS),
    back=st.sampled_from(CLIENTS),
)
def test_servers_survive_two_formats_in_turn(servers: Any, there: Format, back: Format) -> None:
    first = formats.parse(formats.render(servers, there), there).servers
    second = formats.parse(formats.render(first, back), back).servers
    assert meaning(second) == meaning(servers)


@pytest.mark.parametrize("format", FORMATS)
@often
@given(servers=strategies.named, before=strategies.documents)
def test_the_rest_of_a_document_is_preserved(format: Format, servers: Any, before: Any) -> None:
    taken = {*format.path, *format.inputs_path, "$"}
    before = {key: part for key, part in before.items() if key not in taken}
    if not format.path:
        before = {f"${key}": part for key, part in before.items()}
    document = formats.render(servers, format, base=before)
    found = formats.parse(document, format)
    assert {key: document[key] for key in before} == before
    assert formats.render(found.servers, format, inputs=found.inputs, base=found.rest) == document


@pytest.mark.parametrize("format", FORMATS)
@often
@given(
    raw=st.dictionaries(
        strategies.some.filter(lambda name: not name.startswith("$")), strategies.spelled()
    )
)
@example(raw={"a": {"url": "https://a/mcp", "disabled": False}})
@example(raw={"a": {"command": "a", "env": {"PORT": 8080, "DEBUG": True, "OFF": None}}})
def test_unchanged_servers_keep_their_spelling(format: Format, raw: Any) -> None:
    document: Any = raw
    for key in reversed(format.path):
        document = {key: document}
    found = formats.parse(document, format)
    assert formats.render(found.servers, format, base=document) == document


@pytest.mark.parametrize("syntax", formats.SYNTAXES)
@often
@given(document=strategies.documents)
@example(document={"a": "on", "b": "1e3", "c": "0o17", "d": "12:30", "e": "2026-11-23", "f": "~"})
@example(document={"a": "<<", "b": "=", "c": "0x1F", "d": "1_000", "e": "-", "f": ".5", "": ""})
@example(document={"a": [{"b": 1}, {"c": []}], "d": [[], {}], "e": "\x7f\x00\u2028\x85\ufeff\r\n"})
@example(document={"a": 1.0, "b": -0.0, "c": 5e-324, "d": 1e308, "e": 2**63 - 1})
def test_documents_survive_every_syntax(syntax: str, document: Any) -> None:
    found = formats.loads(formats.dumps(document, syntax), syntax)
    # Compared as text, which distinguishes 1 from 1.0 and True. TOML writes tables last.
    ordered = syntax == "toml"
    assert json.dumps(found, sort_keys=ordered) == json.dumps(document, sort_keys=ordered)


@often
@given(document=strategies.trees(strategies.scalars | st.none()))
def test_null_survives_json_and_yaml(document: Any) -> None:
    for syntax in ("json", "yaml"):
        assert formats.loads(formats.dumps([document], syntax), syntax) == [document]
