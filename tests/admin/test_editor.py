"""The JSON editor's own validator, on the schemas that the pages hand to it.

The editor is the one that django_json_widget ships; V8 runs it without a browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django_json_widget
import pytest
from django.utils.html import escape
from py_mini_racer import MiniRacer

from agent_master_storage.admin.widgets import ValueArea
from agent_master_storage.engine import formats, schemas
from tests.engine.documents import GO

EDITOR = Path(django_json_widget.__file__).parent / "static/dist/jsoneditor.min.js"

#: as much of a page as the editor's file touches when it is loaded
PAGE = """
const made = () => ({style: {}, childNodes: [], getElementsByTagName: () => [],
    appendChild() {}, setAttribute() {}, addEventListener() {}});
var window = globalThis, self = globalThis, navigator = {userAgent: "", platform: ""};
var document = {...made(), createElement: made, createTextNode: made, head: made(), body: made(),
    documentElement: made(), getElementById: () => null, querySelectorAll: () => []};
var location = {href: ""}, addEventListener = () => {}, setTimeout = () => 0;
"""

#: as setSchema() of the editor does it
FAULTS = """
function faults(schema, document) {
    const ajv = JSONEditor.Ajv({allErrors: true, verbose: true, schemaId: "auto", $data: true});
    const validate = ajv.compile(JSON.parse(schema));
    validate(JSON.parse(document));
    return JSON.stringify((validate.errors || []).map((error) => error.dataPath));
}
"""

Faults = Callable[[str, Any], list[str]]


@pytest.fixture(scope="module")
def faults() -> Faults:
    """Where the editor finds fault with a document."""
    engine = MiniRacer()
    engine.eval(PAGE)
    engine.eval(EDITOR.read_text("utf-8") + ";0", timeout_sec=60)
    engine.eval(FAULTS)

    def found(schema: str, document: Any) -> list[str]:
        return list(json.loads(str(engine.call("faults", schema, json.dumps(document)))))

    return found


def handed(text: str) -> str:
    """The schema that the page hands to the editor with this text."""
    attributes = ValueArea().get_context("text", text, {})["widget"]["attrs"]
    return str(attributes["data-schema"])


@pytest.mark.parametrize("name", formats.names())
def test_it_understands_every_schema(faults: Faults, name: str) -> None:
    schema = json.dumps(schemas.for_editor(name))
    good = formats.render({"a": {"transport": "stdio", "command": "x", "args": ["y"]}}, name)
    assert faults(schema, good) == []
    bad = formats.render({"a": {"transport": "stdio", "command": "x"}}, name)
    servers = bad
    for key in formats.get(name).path:
        servers = servers[key]
    servers["a"]["args"] = "y"
    found = faults(schema, bad)
    assert found
    assert all(".a" in place or "['a']" in place for place in found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("servers", "files", "transport"), "pigeon"),
        (("servers", "files", "args", 0), []),
        (("servers", "remote", "headers"), ["X: y"]),
        (("servers", "files", "internal", "lastSynced"), "yesterday"),
        (("settings", "autoSync", "watchInterval"), "1s"),
        (("settings", "backup", "maxBackups"), -1),
    ],
)
def test_it_finds_what_one_types_into_the_document(
    faults: Faults, path: tuple[Any, ...], value: Any
) -> None:
    schema = handed(GO)
    document = json.loads(GO)
    assert faults(schema, document) == []
    *parents, last = path
    place = document
    for key in parents:
        place = place[key]
    place[last] = value
    where = re.sub(r"\['?(.+?)'?\]", r".\1", " ".join(faults(schema, document)))
    assert where == "".join(f".{key}" for key in path)


def test_the_page_hands_it_over(admin_client: Any) -> None:
    from agent_master_storage import storages

    storages["memory"].write("config", GO.encode())
    page = admin_client.get("/admin/agent_master_storage/entry/memory_2Fconfig/change/")
    assert f'data-schema="{escape(handed(GO))}"' in page.content.decode()
    assert "dist/jsoneditor" in page.content.decode()
