"""A model of how the Go engine changes a document by reading and writing it.

Go's encoding/json fills structs. Therefore unknown keys are dropped, false and empty fields are
omitted (``omitempty``) unless they are structs, maps are sorted, numbers in maps are floats, and
``<``, ``>`` and ``&`` are escaped. The fields are those of its published ``types.go``. The result
was compared byte by byte with Go's for the same structs. ``\\b`` and ``\\f`` are written as since
Go 1.22; before that, they were ``\\u0008`` and ``\\u000c``.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

#: structs with their fields in order; "!" marks those that are written even if empty
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
    "projects": [
        {
            **_fields("name! path!"),
            "servers": [SERVER],
            **_fields("destinations autoSync metadata"),
        }
    ],
}
CONFIG: Struct = {
    "version!": None,
    "servers!": [SERVER],
    "settings!": SETTINGS,
    "targets": [TARGET],
    "metadata": None,
}

_TIMES = {"lastSynced", "lastModified"}
#: marks a number whose notation is decided, until it is written
_NUMBER = "\ue000"
_TEXTS = {"version", "transport", "name", "path", "type", "configPath", "configFormat", "mode"}


def rewritten(value: bytes) -> bytes:
    """Return the document as Go writes it after reading it."""
    return dumped(_filled(json.loads(value), CONFIG))


def dumped(document: Any) -> bytes:
    """Return the result of json.MarshalIndent(document, "", "  ")."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    text = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return re.sub(f'"{_NUMBER}([^"]*)"', r"\1", text).encode()


def _filled(data: Any, struct: Any) -> Any:
    if isinstance(struct, list):
        # A map from name to struct.
        return {name: _filled(data[name], struct[0]) for name in sorted(data or {})}
    found = {}
    for field, inner in struct.items():
        name, value = field.removesuffix("!"), (data or {}).get(field.removesuffix("!"))
        if inner:
            value = _filled(value, inner)
        elif name == "metadata":
            value = _mapped(value)
        elif name in _TIMES and value:
            value = _time(value)
        elif isinstance(value, dict):
            value = {key: value[key] for key in sorted(value)}
        if value or field.endswith("!"):
            found[name] = _zero(name) if value is None else value
    return found


def _zero(name: str) -> Any:
    if name in _TIMES:
        return "0001-01-01T00:00:00Z"
    return "" if name in _TEXTS else False


def _time(text: str) -> str:
    """Format as RFC3339Nano: without trailing zeros of the decimals, and Z for UTC."""
    text = re.sub(r"(\.\d*?)0+(?=[Z+-])", lambda found: found[1].rstrip("."), text)
    return text.replace("+00:00", "Z")


def _mapped(data: Any) -> Any:
    """Return the value of a map[string]interface{}: sorted keys, and float64 for numbers."""
    if isinstance(data, dict):
        return {name: _mapped(data[name]) for name in sorted(data)}
    if isinstance(data, list):
        return [_mapped(one) for one in data]
    return f"{_NUMBER}{_float(float(data))}" if type(data) in (int, float) else data


def _float(number: float) -> str:
    """Format with an exponent below 1e-6 and from 1e21 on, and without a ``.0``."""
    if number and not 1e-6 <= abs(number) < 1e21:
        return re.sub(r"e([+-])0", r"e\1", repr(number))
    return f"{Decimal(repr(number)):f}".removesuffix(".0")
