"""Conversion of one server between the keys of a client and those of the stored document.

Clients agree on ``command``, ``args``, ``env`` and ``headers``. They differ in the names of the
transport and the URL. Every spelling can be read, because people paste from anywhere; the client's
own is written.

Numbers and booleans are common where clients expect text. They are read as the text that the
server's process would receive, with a warning that names the path but not the value.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .. import json_path
from ..exceptions import InvalidDocument
from ..json_object import json_type
from ..server import TRANSPORTS

Json = dict[str, Any]

#: the names that clients have for the transports, in lower case
_TRANSPORTS = {name: name for name in TRANSPORTS} | {
    "local": "stdio",
    "streamablehttp": "streamable-http",
    "streamable_http": "streamable-http",
}
_TYPE_KEYS = ("type", "transport", "transportType")
_URL_KEYS = ("url", "serverUrl", "httpUrl")
_SWITCHES = ("disabled", "enabled")


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How a client writes a server."""

    #: from transport to the value of ``type``; a missing one is not written
    types: Mapping[str, str] = field(default_factory=lambda: {t: t for t in TRANSPORTS[1:]})
    #: from transport to the key of the URL, if it is not ``url``
    urls: Mapping[str, str] = field(default_factory=dict)
    #: the transport of a ``url`` without a type; empty to guess it from the URL
    default: str = ""
    headers: str = "headers"
    #: the key and value of a disabled server
    off: tuple[str, bool] = ("disabled", True)

    @property
    def known(self) -> frozenset[str]:
        """The keys that have equivalents in the stored document."""
        own = ("command", "args", "env", "headers", "internal", self.headers)
        return frozenset((*_TYPE_KEYS, *_URL_KEYS, *_SWITCHES, *own))


def read_server(raw: Any, spelling: Spelling, where: str, warnings: list[str]) -> Json:
    """Return a client's server with the keys of the stored document.

    Args:
        raw: The server.
        spelling: How the client writes servers.
        where: The path of the server, for errors.
        warnings: Receives a warning for each converted value.

    Raises:
        InvalidDocument: With the path of the fault.
    """
    if not isinstance(raw, Mapping):
        raise InvalidDocument(f"must be a server, which is an object, not {kind(raw)}", where)
    found: Json = {"transport": _transport(raw, spelling, where)}
    take = ValueReader(raw, where, warnings)
    take.text(found, "command", "command")
    take.texts(found, "args", "args")
    take.pairs(found, "env", "env")
    take.text(found, "url", _url_key(raw, where) or "url")
    take.pairs(found, "headers", _first(raw, (spelling.headers, "headers")))
    found |= {key: copy.deepcopy(raw[key]) for key in raw if key not in spelling.known}
    internal = _internal(raw, where)
    return found | ({"internal": internal} if internal else {})


def write_server(server: Mapping[str, Any], spelling: Spelling) -> Json:
    """Return a server of the stored document as a client writes it."""
    transport = server.get("transport") or implied(server, Spelling())
    rest = {key: server[key] for key in server if key not in Spelling().known}
    written: Json = {key: server[key] for key in ("command", "args", "env") if key in server}
    if "url" in server:
        written[spelling.urls.get(transport, "url")] = server["url"]
    if "headers" in server:
        written[spelling.headers] = server["headers"]
    type = spelling.types.get(transport)
    if type is None and implied(written, spelling) != usual_transport(transport):
        type = transport
    internal = server.get("internal")
    off = isinstance(internal, Mapping) and not internal.get("enabled")
    return copy.deepcopy(
        ({"type": type} if type else {})
        | written
        | {key: part for key, part in rest.items() if key not in written}
        | (dict([spelling.off]) if off else {})
    )


def looks_like_server(raw: Any) -> bool:
    """Return whether an object says how to start or reach a server."""
    if not isinstance(raw, Mapping):
        return False
    # If the value is an object, it is a server whose name is that key.
    found = [raw[key] for key in ("command", *_URL_KEYS) if _given(raw, key)]
    return any(not isinstance(value, Mapping) for value in found)


def implied(raw: Mapping[str, Any], spelling: Spelling) -> str:
    """Return the transport of a server without a type; empty if it is ambiguous."""
    url_key = _first(raw, _URL_KEYS)
    if _given(raw, "command"):
        return "" if _given(raw, url_key) else "stdio"
    if not _given(raw, url_key):
        return ""
    if url_key == "httpUrl":
        return "http"
    if url_key == "url" and spelling.default:
        return spelling.default
    return "sse" if _path(raw[url_key]).rstrip("/").endswith("/sse") else "http"


def usual_transport(transport: str) -> str:
    """Return ``http`` for ``streamable-http``, which is the specification's name of it."""
    return "http" if transport == "streamable-http" else transport


def _transport(raw: Mapping[str, Any], spelling: Spelling, where: str) -> str:
    types = {key: raw[key] for key in _TYPE_KEYS if _given(raw, key)}
    found = {_transport_named(type, json_path.under(where, key)) for key, type in types.items()}
    if len(found) > 1:
        raise InvalidDocument(f"{' and '.join(map(repr, types))} contradict each other", where)
    transport = found.pop() if found else implied(raw, spelling)
    needed = ("command",) if transport == "stdio" else _URL_KEYS
    if transport and not any(_given(raw, key) for key in needed):
        raise InvalidDocument(f"is a server of type {transport} without {needed[0]!r}", where)
    if transport:
        return transport
    if _given(raw, "command"):
        raise InvalidDocument(
            "has a 'command' and a URL, but no 'type' to decide between them", where
        )
    raise InvalidDocument("is not a server: it has neither 'command' nor 'url'", where)


def _transport_named(type: Any, where: str) -> str:
    name = checked_text(type, where)
    if name.lower() not in _TRANSPORTS:
        raise InvalidDocument(f"must be one of {', '.join(TRANSPORTS)}, not {name[:40]!r}", where)
    return _TRANSPORTS[name.lower()]


def _url_key(raw: Mapping[str, Any], where: str) -> str:
    found = [key for key in _URL_KEYS if _given(raw, key)]
    if len({str(raw[key]) for key in found}) > 1:
        raise InvalidDocument(f"has two different URLs, in {' and '.join(map(repr, found))}", where)
    return found[0] if found else ""


def _internal(raw: Mapping[str, Any], where: str) -> Json:
    internal = {} if raw.get("internal") is None else raw["internal"]
    if not isinstance(internal, Mapping):
        reason = f"must be an object, not {kind(internal)}"
        raise InvalidDocument(reason, json_path.under(where, "internal"))
    found = copy.deepcopy(dict(internal))
    for key in _SWITCHES:
        if raw.get(key) is not None:
            on = checked_boolean(raw[key], json_path.under(where, key)) == (key == "enabled")
            if found.setdefault("enabled", on) != on:
                raise InvalidDocument("is both enabled and disabled", where)
    return found


def _path(url: Any) -> str:
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""


def _first(raw: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if _given(raw, key)), keys[0])


def _given(raw: Mapping[str, Any], key: str) -> bool:
    return raw.get(key) not in (None, "")


@dataclass(frozen=True)
class ValueReader:
    """Reads texts, lists of texts and objects of texts from a server's object."""

    raw: Mapping[str, Any]
    where: str
    warnings: list[str]

    def text(self, found: dict[str, Any], name: str, key: str) -> None:
        """Set ``found[name]`` to the string at ``key``, if there is one."""
        if self.raw.get(key) not in (None, ""):
            found[name] = checked_text(self.raw[key], json_path.under(self.where, key))

    def texts(self, found: dict[str, Any], name: str, key: str) -> None:
        """Set ``found[name]`` to the list of strings at ``key``, if there is one."""
        given, where = self.raw.get(key), json_path.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, list | tuple):
            raise InvalidDocument(f"must be a list of strings, not {kind(given)}", where)
        found[name] = [self._scalar(one, json_path.under(where, i)) for i, one in enumerate(given)]

    def pairs(self, found: dict[str, Any], name: str, key: str) -> None:
        """Set ``found[name]`` to the object of strings at ``key``, if there is one."""
        given, where = self.raw.get(key), json_path.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, Mapping):
            raise InvalidDocument(f"must be an object of strings, not {kind(given)}", where)
        found[name] = {}
        for part, value in given.items():
            if value is None:
                self.warnings.append(f"{json_path.under(where, part)} is null and was ignored")
            else:
                found[name][part] = self._scalar(value, json_path.under(where, part))

    def _scalar(self, value: Any, where: str) -> str:
        if isinstance(value, bool | int | float):
            self.warnings.append(f"{where} is {kind(value)} and was read as text")
            return _as_text(value)
        return checked_text(value, where)


def checked_text(value: Any, where: str) -> str:
    """Return ``value`` if it is a string; otherwise raise InvalidDocument."""
    if not isinstance(value, str):
        raise InvalidDocument(f"must be a string, not {kind(value)}", where)
    return value


def checked_boolean(value: Any, where: str) -> bool:
    """Return ``value`` if it is a boolean; otherwise raise InvalidDocument."""
    if not isinstance(value, bool):
        raise InvalidDocument(f"must be true or false, not {kind(value)}", where)
    return value


def kind(value: Any) -> str:
    """Return the name of a value's type in JSON."""
    return "an object" if isinstance(value, Mapping) else json_type(value)


def _as_text(value: float) -> str:
    """Convert a value as JavaScript does, in which most clients are written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(value)
