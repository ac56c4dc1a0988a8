"""What a server's name and configuration must be. Borrowed from the Go engine's validator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from .exceptions import InvalidServer
from .types import TRANSPORTS, ServerConfig, look_alikes, problems

MAX_NAME_LENGTH = 256

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: also a socket or a pipe of this machine, which VS Code takes: unix:///run/mcp.sock#/path,
#: and one that begins with a variable, whose value nobody knows here
_URL = re.compile(r"https?://\S+|(?:unix|pipe):///\S+|\$\{[^}]+\}\S*", re.IGNORECASE)


def checked(name: str, config: ServerConfig | Mapping[str, Any]) -> ServerConfig:
    """``config`` as a ServerConfig; InvalidServer with everything that is wrong."""
    if isinstance(config, ServerConfig):
        found: ServerConfig = config
    else:
        try:
            found = ServerConfig.model_validate(config)
        except ValidationError as error:
            raise InvalidServer(str(name), problems(error)) from None
    faults = [*_name_faults(name), *_faults(found), *look_alikes(found)]
    if any(key.casefold() == "internal" for key in found.extra):
        faults.append("internal: is what the engine notes, and no part of a configuration")
    if faults:
        raise InvalidServer(str(name), faults)
    return found


def check_name(name: str) -> str:
    """``name``, if a server may have it: 1 to 256 characters, none of them a control."""
    if faults := list(_name_faults(name)):
        raise InvalidServer(str(name), faults)
    return name


def _name_faults(name: str) -> Iterator[str]:
    if not isinstance(name, str) or not name.strip():
        yield "name: must be a text that is not empty"
    elif len(name) > MAX_NAME_LENGTH:
        yield f"name: has {len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
    elif _UNPRINTABLE.search(name):
        yield "name: must not hold control characters or lone surrogates"


def _faults(config: ServerConfig) -> Iterator[str]:
    if config.transport == "stdio":
        yield from _stdio_faults(config)
    elif config.transport in TRANSPORTS:
        yield from _remote_faults(config)
    else:
        yield f"transport: must be one of {', '.join(TRANSPORTS)}, not {config.transport[:40]!r}"
    for name, value in config.env.items():
        if not name or "=" in name or "\0" in name + value:
            yield f"env.{name}: not the name or value of an environment variable"
    for name, value in config.headers.items():
        if not _HEADER.fullmatch(name) or "\r" in value or "\n" in value or "\0" in value:
            yield f"headers.{name}: not a header"


def _stdio_faults(config: ServerConfig) -> Iterator[str]:
    if not config.command.strip():
        yield "command: is needed for the transport stdio"
    if config.url:
        yield "url: does not go with the transport stdio"


def _remote_faults(config: ServerConfig) -> Iterator[str]:
    if not config.url:
        yield f"url: is needed for the transport {config.transport}"
    elif not _URL.fullmatch(config.url):
        yield "url: must begin with http://, https://, unix:/// or pipe:/// and hold no space"
    if config.command:
        yield f"command: does not go with the transport {config.transport}"
