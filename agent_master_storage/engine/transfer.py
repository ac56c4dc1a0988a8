"""Import and export: between the document and the configuration files of clients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Self, get_args

from ..exceptions import InvalidValue
from . import formats
from .core import Core, twin
from .document import Document
from .formats import Format
from .formats.own import Own
from .importing import Import, ImportResult, Mode, chosen, inputs_of
from .variables import substitute


class Exported(str):
    """The text of an export, and what its client will not make sense of."""

    warnings: tuple[str, ...]

    def __new__(cls, text: str, warnings: Iterable[str] = ()) -> Self:
        """A text with warnings."""
        made = super().__new__(cls, text)
        made.warnings = tuple(warnings)
        return made


class TransferVerbs(Core):
    """import_config and export_config."""

    def import_config(
        self,
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
        """Take over the servers of a client's configuration, all of them or none.

        ``data`` is a text in JSON, YAML or TOML, or what was parsed from one; without a
        ``format`` it is told by what it holds, or by the ``path`` of a client's file.
        ``mode``: ``merge`` adds servers and updates those that are there, ``skip`` leaves these
        alone, ``replace`` also removes all others and, when the data is the engine's own
        document, replaces its settings too. ``whitelist``: names of the servers to take.
        ``source`` is noted in new servers.

        Variables such as ``${TOKEN}`` are kept, unless ``environment`` or ``inputs`` gives their
        values. InvalidDocument says what was found and where; InvalidServer; MissingVariable.
        Nothing was stored then.
        """
        if mode not in get_args(Mode):
            raise InvalidValue(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}")
        imported = formats.parse(data, format, syntax, path)
        taken = _filled(chosen(imported, whitelist), environment, inputs)
        job = Import(imported=imported, servers=taken, mode=mode, source=source)
        return job.apply(self.config()) if dry_run else self.change(job.apply)

    def export_config(
        self,
        format: str | Format = "mcpServers",
        *,
        syntax: str | None = None,
        names: Collection[str] | None = None,
        include_disabled: bool = False,
        environment: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
        base: Mapping[str, Any] | None = None,
    ) -> Exported:
        """The enabled servers as a client's configuration; ServerNotFound for one of ``names``.

        The engine's own document (``format="engine"``) has all servers and the settings.
        ``base`` is a document of the client, whose other keys are kept. Without a ``syntax``
        the client's own is taken. Variables are kept, unless ``environment`` or ``inputs`` gives
        their values: MissingVariable for those that are not in them. The ``warnings`` of the
        text name what the client has no word for, as ``${input:id}`` where it has no inputs.
        """
        wanted = formats.get(format)
        document = self.config()
        if names is not None:
            document = _only(document, names)
        if isinstance(wanted, Own):
            return Exported(formats.dumps(document.data, syntax or wanted.syntax))
        servers = {
            server.name: document.raw(server.name)
            for server in document.list()
            if server.enabled or include_disabled
        }
        filled = _filled(servers, environment, inputs)
        asked = inputs_of(document)
        rendered = wanted.render(filled, inputs=asked, base=base)
        text = formats.dumps(rendered, syntax or wanted.syntax)
        return Exported(text, wanted.warnings(filled, asked))

    aimport_config = twin(import_config)
    aexport_config = twin(export_config)


def _only(document: Document, names: Collection[str]) -> Document:
    chosen = {name: document.raw(name) for name in names}
    return Document({**document.data, "servers": chosen})


def _filled(
    servers: Mapping[str, dict[str, Any]],
    environment: Mapping[str, str] | None,
    inputs: Mapping[str, str] | None,
) -> dict[str, dict[str, Any]]:
    """The servers with their variables replaced, if there is anything to replace them by."""
    if environment is None and inputs is None:
        return dict(servers)
    return {name: _fill(name, server, environment, inputs) for name, server in servers.items()}


def _fill(
    name: str,
    server: dict[str, Any],
    environment: Mapping[str, str] | None,
    inputs: Mapping[str, str] | None,
) -> dict[str, Any]:
    config = {key: part for key, part in server.items() if key not in ("internal", "metadata")}
    return {**server, **substitute(config, environment or {}, inputs, name)}
