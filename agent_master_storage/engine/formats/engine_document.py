"""The engine's own document, as it is stored: ``version``, ``servers`` and ``settings``."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from .. import json_path
from ..exceptions import InvalidDocument
from ..json_object import JsonObject, look_alikes, problems
from ..json_path import get_at
from ..server import Internal
from ..settings import Settings, new_document
from .format import Format, Json
from .server_keys import kind, read_server


class EngineDocument(Format):
    """Servers are as they are stored, with everything that the engine stores about them."""

    name = "engine"
    title = "the engine's own document"
    clients = ("agent-master",)
    path = ("servers",)
    # As in the Go engine.
    inputs_path = ("metadata", "inputs")
    schemes = ("http", "https", "unix", "pipe")

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Decide by the keys of the servers, or if they are inconclusive, by the top-level keys."""
        ours, theirs = _named(document, ("transport", "internal")), _named(document, ("type",))
        if ours and theirs:
            raise InvalidDocument(
                f"the document is ambiguous: {theirs} has 'type' as in VS Code, {ours} has"
                " 'transport' or 'internal' as in the engine; specify its format"
            )
        if ours or theirs:
            return bool(ours)
        return "version" in document or "settings" in document

    def read_server(self, raw: Any, where: str, warnings: list[str]) -> Json:
        """Return the server unchanged, except that values are texts where Go requires them."""
        found = read_server(raw, self.spelling, where, warnings)
        _check(Internal, found.get("internal"), json_path.under(where, "internal"))
        texts = {key: found[key] for key in ("args", "env", "headers") if key in found}
        rest = copy.deepcopy({key: part for key, part in raw.items() if key != "transport"})
        return {"transport": found["transport"], **rest, **texts}

    def read_settings(self, document: Mapping[str, Any]) -> Json:
        found = document.get("settings")
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise InvalidDocument(f"must be an object, not {kind(found)}", "settings")
        _check(Settings, found, "settings")
        return copy.deepcopy(dict(found))

    def render(
        self,
        given: Mapping[str, Mapping[str, Any]],
        *,
        inputs: Iterable[Mapping[str, Any]] = (),
        base: Mapping[str, Any] | None = None,
    ) -> Json:
        """See Format.render(). Without ``base``, the settings are those of a new document."""
        return super().render(given, inputs=inputs, base=new_document() if base is None else base)

    def write_server(self, server: Mapping[str, Any]) -> Json:
        return dict(server)


def _check(view: type[JsonObject], data: Any, where: str) -> None:
    """Raise InvalidDocument if a field has a wrong type: Go would reject the whole document."""
    try:
        found = view.model_validate_json(json.dumps(data or {}), strict=True)
        faults = look_alikes(found)
    except ValidationError as error:
        faults = problems(error)
    if faults:
        raise InvalidDocument("; ".join(faults), where)


def _named(document: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Return the path of the first server that has one of the keys; empty if none has."""
    found = get_at(document, EngineDocument.path)
    for name, server in found.items() if isinstance(found, Mapping) else ():
        if isinstance(server, Mapping) and any(key in server for key in keys):
            return json_path.join((*EngineDocument.path, name))
    return ""
