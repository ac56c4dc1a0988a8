"""The JSON Schema by which the admin's JSON editor validates an MCP configuration."""

from __future__ import annotations

import json

from ...exceptions import InvalidValue
from .. import formats, schemas


def find_schema(text: str) -> str:
    """Return the schema of the format that ``text`` has, or "" if it is not a configuration.

    Only a document that is valid when the form is opened is recognised: an unrelated document
    may look like a configuration.
    """
    try:
        found = formats.parse(text, syntax="json")
    except InvalidValue:
        return ""
    return json.dumps(schemas.for_editor(found.format))
