"""References to variables and inputs in configuration values, replaced only on request.

=====================  ==============================================================
``${VAR}``             an environment variable (Claude Code, the Go engine)
``${VAR:-default}``    the same; the default if it is unset or empty, as in a shell
``${env:VAR}``         the same in VS Code and Cursor
``${input:id}``        a value that VS Code asks the user for; see ``inputs``
``${workspaceFolder}`` and similar: known only to the client, always kept
=====================  ==============================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..exceptions import InvalidValue
from . import json_path

Kind: TypeAlias = Literal["env", "input", "client"]

#: a default may contain pairs of braces, and therefore a reference of its own
REFERENCE = re.compile(r"\$\{([^{}:]*)(:(?:[^{}]|\{[^{}]*\})*)?\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: https://code.visualstudio.com/docs/reference/variables-reference
_CLIENT_VARIABLES = frozenset(
    [
        "userHome",
        "workspaceFolder",
        "workspaceFolderBasename",
        "workspaceRoot",
        "workspaceRootFolderName",
        "file",
        "fileWorkspaceFolder",
        "fileWorkspaceFolderBasename",
        "relativeFile",
        "relativeFileDirname",
        "fileBasename",
        "fileBasenameNoExtension",
        "fileExtname",
        "fileDirname",
        "fileDirnameBasename",
        "cwd",
        "lineNumber",
        "columnNumber",
        "selectedText",
        "execPath",
        "defaultBuildTask",
        "pathSeparator",
    ]
)


class MissingVariable(InvalidValue):
    """Variables that a value refers to are not set; ``missing`` has each name and its path."""

    code = "missing_variable"

    def __init__(self, missing: tuple[tuple[str, str], ...]) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        found = ", ".join(f"{name} (in {where})" if where else name for name, where in self.missing)
        return f"not set: {found}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One reference."""

    #: as written
    text: str
    kind: Kind
    #: of the variable or input; everything between the braces if only the client knows it
    name: str
    #: the value of a variable that is not set
    default: str | None = None


def find(text: str) -> list[Reference]:
    """Return the references in a text, in order."""
    return [_reference(found) for found in REFERENCE.finditer(text)]


def references(value: Any, where: str = "") -> Iterator[tuple[str, Reference]]:
    """Yield the references in any JSON value, each with its path, such as ``env.TOKEN``."""
    for path, text in _texts(value, where):
        for reference in find(text):
            yield path, reference


def substitute(
    value: Any,
    environment: Mapping[str, str],
    inputs: Mapping[str, str] | None = None,
    where: str = "",
) -> Any:
    """Return a copy of ``value`` with its references replaced.

    Args:
        value: Any JSON value.
        environment: The values of variables.
        inputs: The values of inputs. Without it, references to inputs are kept.
        where: The path of ``value``, for the error.

    Raises:
        MissingVariable: With all variables and inputs that have no value.
    """
    missing = tuple(
        dict.fromkeys(
            (reference.name, path)
            for path, reference in references(value, where)
            if _value(reference, environment, inputs) is None
        )
    )
    if missing:
        raise MissingVariable(missing)
    return _substituted(value, environment, inputs)


def _reference(found: re.Match[str]) -> Reference:
    name, rest = found[1], found[2] or ""
    text = found[0]
    if name == "input":
        return Reference(text=text, kind="input", name=rest[1:])
    if name == "env":
        name, rest = _split(rest[1:])
    if not _VARIABLE.fullmatch(name) or name in _CLIENT_VARIABLES:
        return Reference(text=text, kind="client", name=text[2:-1])
    if rest and not rest.startswith(":-"):
        return Reference(text=text, kind="client", name=text[2:-1])
    return Reference(text=text, kind="env", name=name, default=rest[2:] if rest else None)


def _split(text: str) -> tuple[str, str]:
    name, colon, rest = text.partition(":")
    return name, colon + rest


def _value(
    reference: Reference, environment: Mapping[str, str], inputs: Mapping[str, str] | None
) -> str | None:
    """Return the text that replaces a reference, or None if it has no value."""
    if reference.kind == "client":
        return reference.text
    if reference.kind == "input":
        return reference.text if inputs is None else inputs.get(reference.name)
    found = environment.get(reference.name)
    if reference.default is None:
        return found
    return found or _replace(reference.default, environment, inputs)


def _replace(
    text: str, environment: Mapping[str, str], inputs: Mapping[str, str] | None
) -> str | None:
    """Return the text with its references replaced, or None if one has no value."""
    parts: list[str] = []
    end = 0
    for found in REFERENCE.finditer(text):
        value = _value(_reference(found), environment, inputs)
        if value is None:
            return None
        parts += [text[end : found.start()], value]
        end = found.end()
    return "".join([*parts, text[end:]])


def _substituted(
    value: Any, environment: Mapping[str, str], inputs: Mapping[str, str] | None
) -> Any:
    if isinstance(value, str):
        return _replace(value, environment, inputs)
    if isinstance(value, Mapping):
        return {key: _substituted(part, environment, inputs) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_substituted(part, environment, inputs) for part in value]
    return value


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, json_path.under(where, key))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _texts(part, json_path.under(where, index))
