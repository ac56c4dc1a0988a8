"""What the engine hands out: typed, frozen views of the stored document.

They are views for reading and for giving to ``Engine``: a change is made on the document as
it was parsed, so that what is not named here is kept (see ``document.py``).

Built on pydantic: of the libraries weighed (attrs with cattrs, msgspec) it alone keeps unknown
fields by itself, says where in a document a fault is, and writes the JSON Schema as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from . import times

#: how a client talks to a server; streamable-http is the MCP specification's word for http
TRANSPORTS = ("stdio", "sse", "http", "streamable-http")

Time = Annotated[str, AfterValidator(times.check)]

V = TypeVar("V", bound="View")


class View(BaseModel):
    """A JSON object, read. Fields that it does not name are kept in ``model_extra``.

    A field that is null is read as one that is missing, as Go does. ``to_dict()`` gives the
    object back as Go writes it: empty fields are left out, but for those of ``always``.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # Numbers and switches are common under env: a process gets text in any case.
        coerce_numbers_to_str=True,
        # A message with the input in it would put a token into a log.
        hide_input_in_errors=True,
    )

    #: fields that are written also when they are false or empty
    always: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        names = {name for key, info in cls.model_fields.items() for name in (key, info.alias)}
        return {key: part for key, part in data.items() if part is not None or key not in names}

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: named fields in order, then the others."""
        fields = type(self).model_fields
        named = self.model_dump(by_alias=True, include=set(fields))
        kept = {name for key, info in fields.items() for name in [info.alias] if key in self.always}
        return {key: part for key, part in named.items() if part or key in kept} | self.extra

    @property
    def extra(self) -> dict[str, Any]:
        """The fields that this class does not name, as they came."""
        return dict(self.model_extra or {})


class ServerConfig(View):
    """How one MCP server is reached.

    ``transport`` is one of TRANSPORTS; left out, it is ``stdio`` with a ``command`` and
    ``http`` with a ``url``. Secrets do not show in ``repr()``.
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
    def _guess_transport(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.get("transport"):
            return {**data, "transport": "http" if data.get("url") else "stdio"}
        return data

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        from .secrets import mask_config

        yield from mask_config(self.to_dict()).items()


class Internal(View):
    """What the engine itself notes about a server, under ``internal``.

    Times are RFC 3339 text to the nanosecond (``times.parse`` makes a datetime of one).
    """

    always: ClassVar[frozenset[str]] = frozenset({"last_synced", "last_modified"})

    enabled: bool = False
    last_synced: Time = times.NEVER
    last_modified: Time = times.NEVER
    #: who or what it came from: user, import, mcp-config ...
    source: str = ""
    created_by: str = ""
    version: str = ""
    #: names of destinations that get it; "all" is every one
    sync_targets: list[str] = []
    exclude_from_targets: list[str] = []
    tags: list[str] = []
    project_path: str = ""
    project_specific: bool = False
    error_count: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def goes_to(self, destination: str) -> bool:
        """Whether a destination of this name gets the server, once it is enabled."""
        if destination in self.exclude_from_targets:
            return False
        return "all" in self.sync_targets or destination in self.sync_targets


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One server of the document."""

    name: str
    config: ServerConfig
    internal: Internal
    #: what is wrong with the stored object; its broken fields are missing from the views
    problems: tuple[str, ...] = ()
    #: changes with every change of this server and of no other; give it as ``if_unchanged``
    fingerprint: str = field(default="", repr=False)

    @property
    def enabled(self) -> bool:
        return self.internal.enabled

    @property
    def transport(self) -> str:
        return self.config.transport


def read(view: type[V], data: Any) -> tuple[V, list[str]]:
    """``data`` as a ``view``, and what is wrong with it; broken fields are left at default.

    One broken field, which another program may have written, must not hide all the others.
    """
    if not isinstance(data, Mapping):
        return view(), [f"must be an object, not {json_type(data)}"]
    try:
        return view.model_validate(data), []
    except ValidationError as error:
        faults = problems(error)
        broken = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
    return view.model_validate({k: v for k, v in data.items() if k not in broken}), faults


def look_alikes(view: View) -> list[str]:
    """Fields that differ by case alone from one that the class names.

    Go takes them for that one, and reads no document at all when they hold something else.
    """
    named = {
        alias.casefold(): alias
        for info in type(view).model_fields.values()
        if (alias := info.alias)
    }
    return [
        f"{name}: would be taken for {named[name.casefold()]}: case alone tells them apart"
        for name in view.extra
        if name.casefold() in named
    ]


def problems(error: ValidationError) -> list[str]:
    """What pydantic found, as ``args.1: ...``, without the values."""
    return [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def json_type(value: Any) -> str:
    """What JSON calls it, for messages."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def fingerprint(value: Any) -> str:
    """A short text that differs when ``value``, any JSON, differs."""
    # In ASCII: a stored document may hold a lone surrogate, as an escape.
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
