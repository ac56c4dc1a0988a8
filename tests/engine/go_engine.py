"""What the Go engine makes of a document that it reads and writes again.

Go's encoding/json fills structs, so keys that these do not name are dropped, false and empty
fields are left out (``omitempty``) unless they are structs, maps come sorted, and ``<``, ``>``
and ``&`` are escaped. The fields are those of its published types, release 1.0.2.
"""

from __future__ import annotations

import json
from typing import Any

#: a struct: its fields in order; "!" marks one that is written also when it is empty
Struct = dict[str, Any]


def _fields(names: str) -> Struct:
    return dict.fromkeys(names.split())


INTERNAL: Struct = _fields(
    "enabled lastSynced! lastModified! source createdBy version"
    " syncTargets excludeFromTargets tags projectPath projectSpecific errorCount"
)
SERVER: Struct = {
    **_fields("transport! command args env url headers metadata"),
    "internal!": INTERNAL,
}
TARGET: Struct = _fields(
    "name! type! enabled! configPath!"
    " requiresSanitization! supportsProjects! configFormat! serverNamePattern"
)
SETTINGS: Struct = {
    "autoSync!": _fields("enabled! watchInterval debounceDelay destinations"),
    "backup!": _fields("enabled! maxBackups backupPath location beforeSync compression"),
    "sync!": _fields("strategy conflictResolution preserveMissing batchSize timeout"),
    "conflictResolution!": {"mode!": None},
    "projectScanning!": _fields("enabled! scanPaths excludePaths maxDepth"),
    "validation!": _fields("enabled! validateBeforeWrite! validateAfterWrite! strictMode!"),
    "defaultTransport": None,
}
CONFIG: Struct = {
    "version!": None,
    "servers!": [SERVER],
    "settings!": SETTINGS,
    "targets": [TARGET],
    "metadata": None,
}

_ZERO = {"lastSynced": "0001-01-01T00:00:00Z", "lastModified": "0001-01-01T00:00:00Z"}
_TEXTS = {"version", "transport", "name", "type", "configPath", "configFormat", "mode"}


def rewritten(value: bytes) -> bytes:
    """The document as Go writes it after reading it."""
    return dumped(_filled(json.loads(value), CONFIG))


def dumped(document: Any) -> bytes:
    """As json.MarshalIndent(document, "", "  ") has it."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def _filled(data: Any, struct: Any) -> Any:
    if isinstance(struct, list):
        # A map from name to struct.
        return {name: _filled(data[name], struct[0]) for name in sorted(data or {})}
    if struct is None:
        return _sorted(data)
    found = {}
    for field, inner in struct.items():
        name = field.removesuffix("!")
        value = _filled((data or {}).get(name), inner) if inner else _sorted((data or {}).get(name))
        if value or field.endswith("!"):
            found[name] = _zero(name) if value is None else value
    return found


def _zero(name: str) -> Any:
    return _ZERO.get(name, "" if name in _TEXTS else False)


def _sorted(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _sorted(data[name]) for name in sorted(data)}
    return [_sorted(one) for one in data] if isinstance(data, list) else data
