"""JSON Schemas of the stored document and of each client format, as files in this directory.

They are draft 2020-12 but use only features of draft 7, so that the validators of editors
understand them. ``load()`` returns a schema that does not refer to other files.
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
    """Return the names of the formats that have a schema, which are all built-in ones."""
    return [name for name in formats.names() if files(__name__).joinpath(f"{name}.json").is_file()]


def load(format: str | formats.Format) -> Json:
    """Return the schema of a format.

    Args:
        format: The format, its name, or the name of a client.

    Raises:
        InvalidValue: If there is no such format, or it has no schema.
    """
    name = formats.get(format).name
    if name not in names():
        raise InvalidValue(f"the format {name!r} has no schema")
    return copy.deepcopy(_bundled(name))


def for_editor(format: str | formats.Format) -> Json:
    """Return the schema for a validator of draft 7, such as that of the admin's editor."""
    schema = load(format)
    del schema["$schema"]
    return schema


def for_document(document: Any) -> Json | None:
    """Return the schema of a parsed document's format, or None if its format is unknown."""
    try:
        return load(formats.detect(document))
    except InvalidValue:
        return None


@cache
def _bundled(name: str) -> Json:
    """Return a schema with the definitions of other files that it refers to in its ``$defs``."""
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
