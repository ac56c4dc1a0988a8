"""Import and export: between the document and the configuration files of clients."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal, Self, TypeAlias, get_args

from ..exceptions import InvalidValue
from . import formats, stored_server
from .document import Document
from .document_store import DocumentStore
from .exceptions import InvalidDocument, InvalidServer
from .formats import Format, Imported
from .formats.engine_document import EngineDocument
from .json_object import fingerprint
from .json_path import get_at
from .server import ServerConfig, checked
from .variables import substitute

Mode: TypeAlias = Literal["merge", "replace", "skip"]
Json: TypeAlias = dict[str, Any]

#: where the definitions of ${input:id} are stored, as in the Go engine
INPUTS_PATH = ("metadata", "inputs")


class Exported(str):
    """The text of an export.

    Attributes:
        warnings: What the client will not understand.
    """

    warnings: tuple[str, ...]

    def __new__(cls, text: str, warnings: Iterable[str] = ()) -> Self:
        """Create a text with warnings."""
        exported = super().__new__(cls, text)
        exported.warnings = tuple(warnings)
        return exported


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did, or would do in a dry run. The tuples contain names of servers."""

    #: the format of the imported data
    format: str
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    #: present already, with the same content
    unchanged: tuple[str, ...] = ()
    #: present already, in the mode ``skip``
    skipped: tuple[str, ...] = ()
    #: not in the data, in the mode ``replace``
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def import_config(
    engine: DocumentStore,
    data: bytes | str | Mapping[str, Any],
    format: str | Format | None = None,
    mode: Mode = "merge",
    whitelist: Collection[str] | None = None,
    *,
    syntax: str | None = None,
    path: str | PurePath = "",
    source: str = "import",
    environment: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Import the servers of a client's configuration, either all of them or none.

    Args:
        data: A text in JSON, YAML or TOML, or a parsed document.
        format: The format; by default it is detected from the content and ``path``.
        mode: ``merge`` adds servers and updates those that exist; ``skip`` leaves these as they
            are; ``replace`` also removes all others and, if the data is the engine's own
            document, replaces the settings.
        whitelist: Names of the servers to import; None for all.
        syntax: ``json``, ``yaml`` or ``toml``; by default it is detected from the first line.
        path: The file that the data is from.
        source: Stored in new servers as ``internal.source``.
        environment: Values of variables such as ``${TOKEN}``. Without it and ``inputs``,
            variables are kept.
        inputs: Values of ``${input:id}``.
        dry_run: Whether to store nothing.

    Raises:
        InvalidDocument: With what was found and where. Nothing is stored.
        InvalidServer: If a server is not valid. Nothing is stored.
        MissingVariable: If a variable has no value. Nothing is stored.
    """
    if mode not in get_args(Mode):
        raise InvalidValue(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}")
    imported = formats.parse(data, format, syntax, path)
    servers = _substituted(selected_servers(imported, whitelist), environment, inputs)
    job = Import(imported=imported, servers=servers, mode=mode, source=source)
    return job.apply(engine.config()) if dry_run else engine.change(job.apply)


def export_config(
    engine: DocumentStore,
    format: str | Format = "mcpServers",
    *,
    syntax: str | None = None,
    names: Collection[str] | None = None,
    include_disabled: bool = False,
    environment: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    base: Mapping[str, Any] | None = None,
) -> Exported:
    """Return the enabled servers as the configuration of a client.

    Args:
        format: The format. The engine's own document (``engine``) has all servers and the
            settings.
        syntax: ``json``, ``yaml`` or ``toml``; by default that of the client.
        names: The servers to export; None for all.
        include_disabled: Whether to export disabled servers too.
        environment: Values of variables such as ``${TOKEN}``. Without it and ``inputs``,
            variables are kept.
        inputs: Values of ``${input:id}``.
        base: A document of the client, whose other keys are kept.

    Returns:
        A text. Its ``warnings`` name what the client does not support, such as ``${input:id}`` in
        a client without inputs.

    Raises:
        ServerNotFound: If one of ``names`` is missing.
        MissingVariable: If a variable has no value.
    """
    wanted = formats.get(format)
    document = engine.config()
    if names is not None:
        servers = {name: document.raw(name) for name in names}
        document = Document({**document.data, "servers": servers})
    if isinstance(wanted, EngineDocument):
        return Exported(formats.dumps(document.data, syntax or wanted.syntax))
    exported = {
        server.name: document.raw(server.name)
        for server in document.list()
        if server.enabled or include_disabled
    }
    exported = _substituted(exported, environment, inputs)
    definitions = input_definitions(document)
    rendered = wanted.render(exported, inputs=definitions, base=base)
    text = formats.dumps(rendered, syntax or wanted.syntax)
    return Exported(text, wanted.warnings(exported, definitions))


@dataclass(kw_only=True)
class Import:
    """One import into a document."""

    imported: Imported
    #: the servers to import, by name
    servers: Mapping[str, Json]
    mode: Mode
    source: str
    _outcome: dict[str, list[str]] = field(default_factory=dict, init=False)

    @property
    def is_engine_document(self) -> bool:
        return isinstance(self.imported.format, EngineDocument)

    def apply(self, document: Document) -> ImportResult:
        """Change the document. May be called again with another document."""
        self._outcome = {"added": [], "updated": [], "unchanged": [], "skipped": [], "removed": []}
        if self.mode == "replace":
            self._clear(document)
        for name, server in self.servers.items():
            self._put(document, name, server)
        self._put_inputs(document)
        lists = {key: tuple(names) for key, names in self._outcome.items()}
        warnings = tuple(self.imported.warnings)
        return ImportResult(format=self.imported.format.name, warnings=warnings, **lists)

    def _clear(self, document: Document) -> None:
        """Remove servers that are not imported.

        If an engine's document is imported, its settings and other keys replace those present.
        """
        removed = [name for name in document.servers if name not in self.servers]
        for name in removed:
            document.remove(name)
        self._outcome["removed"] = removed
        if self.is_engine_document:
            rest = copy.deepcopy(dict(self.imported.rest))
            document.data = {"version": "", "servers": document.servers, **rest}

    def _put(self, document: Document, name: str, server: Json) -> None:
        if name not in document.servers:
            document.insert(name, self._new(name, server))
            self._outcome["added"].append(name)
        elif self.mode == "skip":
            self._outcome["skipped"].append(name)
        else:
            data = document.object_of(name)
            before = fingerprint(data)
            self._update(name, data, server)
            same = fingerprint(data) == before
            if not same and not self.is_engine_document:
                stored_server.touch(name, data)
            self._outcome["unchanged" if same else "updated"].append(name)

    def _new(self, name: str, server: Json) -> Json:
        if self.is_engine_document:
            return copy.deepcopy(server)
        internal = {"source": self.source, **server.get("internal", {})}
        return stored_server.new_server(name, _config_of(name, server), internal)

    def _update(self, name: str, data: Json, server: Json) -> None:
        replace = self.mode == "replace"
        if self.is_engine_document:
            if replace:
                data.clear()
            data.update(copy.deepcopy(server))
            return
        stored_server.set_config(data, _config_of(name, server), replace=replace)
        if "enabled" in server.get("internal", {}):
            stored_server.set_enabled(name, data, server["internal"]["enabled"])

    def _put_inputs(self, document: Document) -> None:
        given = [copy.deepcopy(dict(one)) for one in self.imported.inputs]
        if not given:
            return
        ids = {one.get("id") for one in given}
        others = [one for one in input_definitions(document) if one.get("id") not in ids]
        kept = [] if self.mode == "replace" else others
        document.section(INPUTS_PATH[0])[INPUTS_PATH[1]] = [*kept, *given]


def input_definitions(document: Document) -> list[Json]:
    """Return the definitions of inputs in the document."""
    found = get_at(document.data, INPUTS_PATH)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def selected_servers(imported: Imported, whitelist: Collection[str] | None) -> dict[str, Json]:
    """Return the servers to import.

    Raises:
        InvalidDocument: If one of ``whitelist`` is missing, or if several servers are not valid.
        InvalidServer: If one server is not valid.
    """
    if whitelist is None:
        selected = dict(imported.servers)
    else:
        if missing := [name for name in whitelist if name not in imported.servers]:
            raise InvalidDocument(f"there is no server {', '.join(map(repr, missing))} to import")
        selected = {name: one for name, one in imported.servers.items() if name in whitelist}
    faults = [error for name, one in selected.items() if (error := _fault(name, one))]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InvalidDocument(f"{len(faults)} servers are not valid: {'; '.join(map(str, faults))}")
    return selected


def _config_of(name: str, server: Json) -> ServerConfig:
    return checked(name, {key: part for key, part in server.items() if key != "internal"})


def _fault(name: str, server: Json) -> InvalidServer | None:
    try:
        _config_of(name, server)
    except InvalidServer as error:
        return error
    return None


def _substituted(
    servers: Mapping[str, Json],
    environment: Mapping[str, str] | None,
    inputs: Mapping[str, str] | None,
) -> dict[str, Json]:
    """Return the servers with their variables replaced, if any values are given."""
    if environment is None and inputs is None:
        return dict(servers)
    return {
        name: _substituted_server(name, server, environment, inputs)
        for name, server in servers.items()
    }


def _substituted_server(
    name: str,
    server: Json,
    environment: Mapping[str, str] | None,
    inputs: Mapping[str, str] | None,
) -> Json:
    config = {key: part for key, part in server.items() if key not in ("internal", "metadata")}
    return {**server, **substitute(config, environment or {}, inputs, name)}
