"""Checks of an OpenAPI document: complete, valid and correct."""

from __future__ import annotations

from io import StringIO
from typing import Any

import yaml
from django.core.management import call_command

from .api import JSON

METHODS = {"get", "put", "patch", "delete", "post"}
ALWAYS = {"400", "401", "403", "404", "406", "429", "503"}

Operations = dict[tuple[str, str], Any]


def written() -> Any:
    """Return the output of ``manage.py spectacular --validate --fail-on-warn``."""
    output = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=output)
    return yaml.safe_load(output.getvalue())


def operations(schema: Any, below: str) -> Operations:
    """Return the operations below a path, by the rest of their path."""
    return {
        (path.removeprefix(below), method): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS and path.startswith(below)
    }


def check_answers(operation: Any, expected: set[str], error: str) -> None:
    """Check that each status is described and that errors use the component ``error``."""
    responses = operation["responses"]
    assert set(responses) == expected | ALWAYS
    for status, response in responses.items():
        if status >= "400":
            reference = response["content"][JSON]["schema"]["$ref"]
            assert reference == f"#/components/schemas/{error}"
            assert len(response["description"]) > 5
        elif status in ("204", "304"):
            assert "content" not in response
        else:
            assert JSON in response["content"]


def check_names(found: Operations, tag: str) -> None:
    """Check that operations have unique ids and a description."""
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    assert all(operation["description"] for operation in found.values())
    assert all(operation["tags"] == [tag] for operation in found.values())


def check_body(schema: Any, answer: Any, name: str) -> None:
    """Check that a response, or part of one, has exactly the fields of the component."""
    body = answer if isinstance(answer, dict) else answer.json()
    described = schema["components"]["schemas"][name]
    assert set(body) <= set(described["properties"]), name
    assert set(described.get("required", ())) <= set(body), name
