"""Unknown keys of a document survive changes at every level."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_master_storage.backends.memory import MemoryStorage
from agent_master_storage.engine import Engine
from agent_master_storage.engine.server import Internal, ServerConfig

#: keys that have a meaning for the engine, by level
KNOWN = {
    "mcpServers", "mcp", "version", "servers", "settings", "metadata", "targets", "internal",
    *ServerConfig.model_fields, *(field.alias for field in Internal.model_fields.values()),
    *Internal.model_fields,
}  # fmt: skip

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
EXTRAS = st.dictionaries(TEXTS.filter(lambda name: name not in KNOWN), VALUES, max_size=3)

CHANGES: dict[str, Callable[[Engine], object]] = {
    "add": lambda engine: engine.add_server("new", {"command": "x"}),
    "update": lambda engine: engine.update_server("a", {"command": "y"}),
    "notes": lambda engine: engine.update_server("a", internal={"tags": ["t"]}),
    "enable": lambda engine: engine.enable_server("a"),
    "rename": lambda engine: engine.rename_server("a", "b"),
    "import": lambda engine: engine.import_config({"mcpServers": {"a": {"command": "z"}}}),
    "destination": lambda engine: engine.add_destination("key"),
    "settings": lambda engine: engine.update_settings(backup={"maxBackups": 3}),
}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(EXTRAS, EXTRAS, EXTRAS, EXTRAS, st.sampled_from(sorted(CHANGES)))
def test_unknown_keys_are_kept(
    top: Any, setting: Any, server: Any, noted: Any, change: str
) -> None:
    document = {
        **top,
        "servers": {"a": {**server, "command": "x", "internal": {**noted}}},
        "settings": {"backup": {**setting}},
    }
    engine = Engine(storage=MemoryStorage(alias="test"))
    engine.storage.write("config", json.dumps(document).encode())
    before = copy.deepcopy(document)
    CHANGES[change](engine)
    after = json.loads(engine.storage.read("config"))
    one = after["servers"].get("a") or after["servers"]["b"]
    assert {name: after[name] for name in top} == top
    assert {name: after["settings"]["backup"][name] for name in setting} == setting or (
        change == "settings" and "maxBackups" in setting
    )
    assert {name: one[name] for name in server} == server
    assert {name: one["internal"][name] for name in noted} == noted
    assert list(after)[: len(before)] == list(before)
    engine.storage.close()
