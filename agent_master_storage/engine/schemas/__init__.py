"""JSON Schemas of the stored document and of each client format, as files beside this one.

They are draft 2020-12, and use only what draft 7 has too, so that the validators of editors
understand them. ``load()`` gives one that needs no other file.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from ...exceptions import InvalidValue
from .. import formats

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def names() -> list[str]:
    """The formats that have one: all that are shipped."""
    return [name for name in formats.names() if files(__name__).joinpath(f"{name}.json").is_file()]


def load(format: str | formats.Format) -> Json:
    """The schema of a format, by its name or that of a client; InvalidValue when there is none."""
    name = formats.get(format).name
    if name not in names():
        raise InvalidValue(f"the format {name!r} has no schema")
    return copy.deepcopy(_bundled(name))


def for_editor(format: str | formats.Format) -> Json:
    """The same for a validator that knows no newer draft than 7, as that of the admin's editor."""
    schema = load(format)
    del schema["$schema"]
    return schema


def for_document(document: Any) -> Json | None:
    """The schema of what a parsed document is told to be, or None when it is of no known format."""
    try:
        return load(formats.detect(document))
    except InvalidValue:
        return None


@cache
def _bundled(name: str) -> Json:
    """The file, with what it refers to in others under its own ``$defs``."""
    schema = _read(f"{name}.json")
    definitions: Json = schema.pop("$defs", {})
    waiting = [schema, *definitions.values()]
    while waiting:
        for reference in _references(waiting.pop()):
            file, _, path = reference["$ref"].partition("#")
            last = path.rpartition("/")[2]
            reference["$ref"] = f"#/$defs/{last}"
            if file and last not in definitions:
                definitions[last] = _absolute(_read(file)["$defs"][last], file)
                waiting.append(definitions[last])
    return {**schema, "$defs": definitions}


def _absolute(schema: Json, file: str) -> Json:
    for reference in _references(schema):
        if reference["$ref"].startswith("#"):
            reference["$ref"] = f"{file}{reference['$ref']}"
    return schema


def _references(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node
        node = list(node.values())
    for part in node if isinstance(node, list) else ():
        yield from _references(part)


def _read(file: str) -> Json:
    found: Json = json.loads(files(__name__).joinpath(file).read_text("utf-8"))
    return found
