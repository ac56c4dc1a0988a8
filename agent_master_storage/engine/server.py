"""``Server``, its configuration and the engine's data about it, and what of these is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError, model_validator

from . import times
from .exceptions import InvalidServer
from .json_object import JsonObject, Time, look_alikes, problems
from .secrets import mask_config

#: how a client connects to a server; streamable-http is the MCP specification's name of http
TRANSPORTS = ("stdio", "sse", "http", "streamable-http")


class ServerConfig(JsonObject):
    """How one MCP server is started or reached.

    ``transport`` is one of TRANSPORTS. Without it, a server with a ``url`` has ``http``, and any
    other ``stdio``. Secrets are masked in ``repr()``.
    """

    always: ClassVar[frozenset[str]] = frozenset({"transport"})

    transport: str = ""
    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = ""
    headers: dict[str, str] = {}
    metadata: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _default_transport(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.get("transport"):
            return {**data, "transport": "http" if data.get("url") else "stdio"}
        return data

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield from mask_config(self.to_dict()).items()


class Internal(JsonObject):
    """What the engine stores about a server, under ``internal``.

    Times are RFC 3339 texts with up to nanoseconds; ``times.parse()`` converts one to a datetime.
    """

    always: ClassVar[frozenset[str]] = frozenset({"last_synced", "last_modified"})

    enabled: bool = False
    last_synced: Time = times.NEVER
    last_modified: Time = times.NEVER
    #: where it came from: user, import, mcp-config ...
    source: str = ""
    created_by: str = ""
    version: str = ""
    #: names of destinations that receive it; "all" for every one
    sync_targets: list[str] = []
    exclude_from_targets: list[str] = []
    tags: list[str] = []
    project_path: str = ""
    project_specific: bool = False
    error_count: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def goes_to(self, destination: str) -> bool:
        """Whether a destination of this name receives the server if it is enabled."""
        if destination in self.exclude_from_targets:
            return False
        return "all" in self.sync_targets or destination in self.sync_targets


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One server of the document."""

    name: str
    config: ServerConfig
    internal: Internal
    #: the faults of the stored object; its invalid fields have their defaults in the views
    problems: tuple[str, ...] = ()
    #: differs after every change of this server, and only then; see ``if_unchanged``
    fingerprint: str = field(default="", repr=False)

    @property
    def enabled(self) -> bool:
        return self.internal.enabled

    @property
    def transport(self) -> str:
        return self.config.transport


MAX_NAME_LENGTH = 256

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: also a socket or pipe of the local machine, which VS Code accepts (unix:///run/mcp.sock#/path),
#: and a URL that begins with a variable, whose value is unknown here
_URL = re.compile(r"https?://\S+|(?:unix|pipe):///\S+|\$\{[^}]+\}\S*", re.IGNORECASE)


def checked(name: str, config: ServerConfig | Mapping[str, Any]) -> ServerConfig:
    """Return ``config`` as a ServerConfig, if it and the name are valid.

    The rules are those of the Go engine's validator.

    Raises:
        InvalidServer: With every fault.
    """
    if isinstance(config, ServerConfig):
        found: ServerConfig = config
    else:
        try:
            found = ServerConfig.model_validate(config)
        except ValidationError as error:
            raise InvalidServer(str(name), problems(error)) from None
    faults = [*_name_faults(name), *_faults(found), *look_alikes(found)]
    if any(key.casefold() == "internal" for key in found.extra):
        faults.append("internal: is written by the engine and is not part of a configuration")
    if faults:
        raise InvalidServer(str(name), faults)
    return found


def check_name(name: str) -> str:
    """Return ``name`` if it is valid: 1 to 256 characters without control characters.

    Raises:
        InvalidServer: If it is not.
    """
    if faults := list(_name_faults(name)):
        raise InvalidServer(str(name), faults)
    return name


def _name_faults(name: str) -> Iterator[str]:
    if not isinstance(name, str) or not name.strip():
        yield "name: must be a text that is not empty"
    elif len(name) > MAX_NAME_LENGTH:
        yield f"name: has {len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
    elif _UNPRINTABLE.search(name):
        yield "name: must not contain control characters or lone surrogates"


def _faults(config: ServerConfig) -> Iterator[str]:
    if config.transport == "stdio":
        yield from _stdio_faults(config)
    elif config.transport in TRANSPORTS:
        yield from _remote_faults(config)
    else:
        yield f"transport: must be one of {', '.join(TRANSPORTS)}, not {config.transport[:40]!r}"
    for name, value in config.env.items():
        if not name or "=" in name or "\0" in name + value:
            yield f"env.{name}: not a valid name or value of an environment variable"
    for name, value in config.headers.items():
        if not _HEADER.fullmatch(name) or "\r" in value or "\n" in value or "\0" in value:
            yield f"headers.{name}: not a valid header"


def _stdio_faults(config: ServerConfig) -> Iterator[str]:
    if not config.command.strip():
        yield "command: is required for the transport stdio"
    if config.url:
        yield "url: is not allowed for the transport stdio"


def _remote_faults(config: ServerConfig) -> Iterator[str]:
    if not config.url:
        yield f"url: is required for the transport {config.transport}"
    elif not _URL.fullmatch(config.url):
        yield "url: must begin with http://, https://, unix:/// or pipe:/// and contain no spaces"
    if config.command:
        yield f"command: is not allowed for the transport {config.transport}"
