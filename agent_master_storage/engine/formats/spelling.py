"""One server, between a client's words and those of the stored document.

Clients agree on ``command``, ``args``, ``env`` and ``headers``. They differ in how the transport
and the URL are named. Reading knows every spelling, since people paste from anywhere; writing
uses the one of the client.
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

#: what clients call the transports, in small letters
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

    #: from transport to the word under ``type``; a missing one is not written
    types: Mapping[str, str] = field(default_factory=lambda: {t: t for t in TRANSPORTS[1:]})
    #: from transport to the key of the URL, where it is not ``url``
    urls: Mapping[str, str] = field(default_factory=dict)
    #: the transport of a ``url`` without a word for it; empty: guessed from the address
    default: str = ""
    headers: str = "headers"
    #: the key and its value of a server that is switched off
    off: tuple[str, bool] = ("disabled", True)

    @property
    def known(self) -> frozenset[str]:
        """Keys that the stored document has words of its own for."""
        own = ("command", "args", "env", "headers", "internal", self.headers)
        return frozenset((*_TYPE_KEYS, *_URL_KEYS, *_SWITCHES, *own))


def read(raw: Any, spelling: Spelling, where: str, warnings: list[str]) -> Json:
    """A server in the words of the stored document; InvalidDocument with the place of a fault."""
    if not isinstance(raw, Mapping):
        raise InvalidDocument(f"must be a server, an object, not {kind(raw)}", where)
    found: Json = {"transport": _transport(raw, spelling, where)}
    take = Reader(raw, where, warnings)
    take.text(found, "command", "command")
    take.texts(found, "args", "args")
    take.pairs(found, "env", "env")
    take.text(found, "url", _url_key(raw, where) or "url")
    take.pairs(found, "headers", _first(raw, (spelling.headers, "headers")))
    found |= {key: copy.deepcopy(raw[key]) for key in raw if key not in spelling.known}
    internal = _internal(raw, where)
    return found | ({"internal": internal} if internal else {})


def write(server: Mapping[str, Any], spelling: Spelling) -> Json:
    """A server of the stored document as a client spells it."""
    transport = server.get("transport") or implied(server, Spelling())
    rest = {key: server[key] for key in server if key not in Spelling().known}
    written: Json = {key: server[key] for key in ("command", "args", "env") if key in server}
    if "url" in server:
        written[spelling.urls.get(transport, "url")] = server["url"]
    if "headers" in server:
        written[spelling.headers] = server["headers"]
    word = spelling.types.get(transport)
    if word is None and implied(written, spelling) != usual_transport(transport):
        word = transport
    internal = server.get("internal")
    off = isinstance(internal, Mapping) and not internal.get("enabled")
    return copy.deepcopy(
        ({"type": word} if word else {})
        | written
        | {key: part for key, part in rest.items() if key not in written}
        | (dict([spelling.off]) if off else {})
    )


def looks_like_one(raw: Any) -> bool:
    """Whether an object says how to start or reach a server."""
    if not isinstance(raw, Mapping):
        return False
    # An object is a server that bears the name.
    found = [raw[key] for key in ("command", *_URL_KEYS) if _given(raw, key)]
    return any(not isinstance(value, Mapping) for value in found)


def implied(raw: Mapping[str, Any], spelling: Spelling) -> str:
    """The transport of a server that has no word for it; empty when it can't be told."""
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
    """``streamable-http`` is the specification's word for what most clients call ``http``."""
    return "http" if transport == "streamable-http" else transport


def _transport(raw: Mapping[str, Any], spelling: Spelling, where: str) -> str:
    words = {key: raw[key] for key in _TYPE_KEYS if _given(raw, key)}
    found = {_named(word, json_path.under(where, key)) for key, word in words.items()}
    if len(found) > 1:
        raise InvalidDocument(f"{' and '.join(map(repr, words))} contradict each other", where)
    transport = found.pop() if found else implied(raw, spelling)
    needed = ("command",) if transport == "stdio" else _URL_KEYS
    if transport and not any(_given(raw, key) for key in needed):
        raise InvalidDocument(f"is a server of type {transport} without {needed[0]!r}", where)
    if transport:
        return transport
    if _given(raw, "command"):
        raise InvalidDocument(
            "has a 'command' and a URL, and no 'type' to tell which counts", where
        )
    raise InvalidDocument("is no server: it has neither 'command' nor 'url'", where)


def _named(word: Any, where: str) -> str:
    name = checked_text(word, where)
    if name.lower() not in _TRANSPORTS:
        raise InvalidDocument(f"must be one of {', '.join(TRANSPORTS)}, not {name[:40]!r}", where)
    return _TRANSPORTS[name.lower()]


def _url_key(raw: Mapping[str, Any], where: str) -> str:
    found = [key for key in _URL_KEYS if _given(raw, key)]
    if len({str(raw[key]) for key in found}) > 1:
        raise InvalidDocument(f"has two addresses, {' and '.join(map(repr, found))}", where)
    return found[0] if found else ""


def _internal(raw: Mapping[str, Any], where: str) -> Json:
    noted = {} if raw.get("internal") is None else raw["internal"]
    if not isinstance(noted, Mapping):
        reason = f"must be an object, not {kind(noted)}"
        raise InvalidDocument(reason, json_path.under(where, "internal"))
    found = copy.deepcopy(dict(noted))
    for key in _SWITCHES:
        if raw.get(key) is not None:
            on = checked_switch(raw[key], json_path.under(where, key)) == (key == "enabled")
            if found.setdefault("enabled", on) != on:
                raise InvalidDocument("is switched both on and off", where)
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


# MERGED FROM agent_master_storage/engine/formats/values.py
# The values of a server: texts, lists of texts, pairs of texts.
#
# Numbers and switches are common where clients want text; they are read as what the server's
# process would get, with a warning that names the place and not the value.


@dataclass(frozen=True)
class Reader:
    """Takes values out of a server's object."""

    raw: Mapping[str, Any]
    where: str
    warnings: list[str]

    def text(self, found: dict[str, Any], name: str, key: str) -> None:
        """A string, when there is one."""
        if self.raw.get(key) not in (None, ""):
            found[name] = checked_text(self.raw[key], json_path.under(self.where, key))

    def texts(self, found: dict[str, Any], name: str, key: str) -> None:
        """A list of strings, when there is one."""
        given, where = self.raw.get(key), json_path.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, list | tuple):
            raise InvalidDocument(f"must be a list of strings, not {kind(given)}", where)
        found[name] = [self._scalar(one, json_path.under(where, i)) for i, one in enumerate(given)]

    def pairs(self, found: dict[str, Any], name: str, key: str) -> None:
        """An object of strings, when there is one."""
        given, where = self.raw.get(key), json_path.under(self.where, key)
        if given is None:
            return
        if not isinstance(given, Mapping):
            raise InvalidDocument(f"must be an object of strings, not {kind(given)}", where)
        found[name] = {}
        for part, value in given.items():
            if value is None:
                self.warnings.append(f"{json_path.under(where, part)} is null and was left out")
            else:
                found[name][part] = self._scalar(value, json_path.under(where, part))

    def _scalar(self, value: Any, where: str) -> str:
        if isinstance(value, bool | int | float):
            self.warnings.append(f"{where} is {kind(value)} and was read as text")
            return _as_text(value)
        return checked_text(value, where)


def checked_text(value: Any, where: str) -> str:
    """``value``, a string; InvalidDocument."""
    if not isinstance(value, str):
        raise InvalidDocument(f"must be a string, not {kind(value)}", where)
    return value


def checked_switch(value: Any, where: str) -> bool:
    """``value``, true or false; InvalidDocument."""
    if not isinstance(value, bool):
        raise InvalidDocument(f"must be true or false, not {kind(value)}", where)
    return value


def kind(value: Any) -> str:
    """What JSON calls it."""
    return "an object" if isinstance(value, Mapping) else json_type(value)


def _as_text(value: float) -> str:
    """As JavaScript, in which most clients are written, would put it into a process."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(value)
