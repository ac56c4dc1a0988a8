"""YAML, parsed by the rules of JSON (the core schema of YAML 1.2).

PyYAML implements YAML 1.1, in which ``on`` and ``no`` are booleans, ``12:30:45`` is a number and
``2026-11-23`` is a date. Clients mean text, so these are text here. When text is written, it is
quoted if either version would read it as something else.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from ...exceptions import InvalidDocument

# The C parser is ten times as fast and limits nesting by itself. The wheels of PyYAML include it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_CORE = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (_INT.pattern, "-+0123456789"),
    "float": (_FLOAT.pattern, "-+.0123456789"),
    "merge": (r"<<", "<"),
}


class _Loader(_Base):
    """A safe loader with the scalars of the core schema, which refuses duplicate keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise _Fault("a key must be a string", key.start_mark)
            if key.value in seen:
                raise _Fault(f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Fault(yaml.MarkedYAMLError):
    """A fault that is found here, with its position."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else; writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quote and escape a text that contains line separators or invisible characters."""
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _int(loader: Any, node: Any) -> int | str:
    text: str = loader.construct_scalar(node)
    return _unless_changed(int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)), text)


def _float(loader: Any, node: Any) -> float | str:
    text: str = loader.construct_scalar(node)
    # Written .inf and .nan in YAML. They are refused later, with their path.
    return _unless_changed(float(text.lower().replace(".inf", "inf").replace(".nan", "nan")), text)


def _unless_changed(value: float, text: str) -> Any:
    """Return the number, or the text if the number would be written differently.

    So a version 1.10 and a code 007 remain text.
    """
    written = repr(value)
    # 1e+308 is written as 1.0e+308, because YAML 1.1 requires the point.
    same = text in (written, written if "." in written else written.replace("e", ".0e"))
    return value if same or not math.isfinite(value) else text


def _prepare() -> None:
    for name, (pattern, first) in _CORE.items():
        tag, whole = f"tag:yaml.org,2002:{name}", re.compile(rf"(?:{pattern})\Z")
        # An empty scalar is null and has no first character.
        _Loader.add_implicit_resolver(tag, whole, [*first, *([""] if name == "null" else [])])
        if name in ("int", "float"):
            _Dumper.add_implicit_resolver(tag, whole, list(first))
    _Dumper.add_representer(str, _text)
    _Loader.add_constructor("tag:yaml.org,2002:int", _int)
    _Loader.add_constructor("tag:yaml.org,2002:float", _float)


_prepare()


def loads(text: str) -> Any:
    """Parse a text.

    Raises:
        InvalidDocument: With line and column.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidDocument(f"not YAML: {error.problem or error.context}", where) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidDocument(f"not YAML: {error}") from None
    except RecursionError:
        raise InvalidDocument("not YAML: nested too deeply") from None


def dumps(document: Any) -> str:
    """Write in block style, with keys in their order and a final newline."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
