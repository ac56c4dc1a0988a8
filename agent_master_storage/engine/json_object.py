"""Frozen, typed views of JSON objects.

They are for reading, and for passing to ``Engine``. Changes are made in the document as it was
parsed, so fields that are not named here are kept (see ``document.py``).

They are built on pydantic. Of the libraries considered (also attrs with cattrs, and msgspec), it
is the only one that keeps unknown fields, reports where a fault is, and generates JSON Schema.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from . import times

Time = Annotated[str, AfterValidator(times.check)]

V = TypeVar("V", bound="JsonObject")


class JsonObject(BaseModel):
    """A typed view of a JSON object. Fields that it does not name are kept in ``model_extra``.

    Like Go, it reads a field that is null as missing. ``to_dict()`` returns the object as Go
    writes it: empty fields are omitted, except those of ``always``.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # Numbers and booleans are common under env. The process receives text in any case.
        coerce_numbers_to_str=True,
        # A message that contains the input could write a token to a log.
        hide_input_in_errors=True,
    )

    #: fields that are written even if they are false or empty
    always: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        names = {name for key, info in cls.model_fields.items() for name in (key, info.alias)}
        return {key: part for key, part in data.items() if part is not None or key not in names}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object: named fields in order, then the others."""
        fields = type(self).model_fields
        named = self.model_dump(by_alias=True, include=set(fields))
        kept = {name for key, info in fields.items() for name in [info.alias] if key in self.always}
        return {key: part for key, part in named.items() if part or key in kept} | self.extra

    @property
    def extra(self) -> dict[str, Any]:
        """The fields that this class does not name, unchanged."""
        return dict(self.model_extra or {})


def read(view: type[V], data: Any) -> tuple[V, list[str]]:
    """Return ``data`` as a ``view``, and its faults. Invalid fields have their defaults.

    An invalid field, which another program may have written, must not hide all other fields.
    """
    if not isinstance(data, Mapping):
        return view(), [f"must be an object, not {json_type(data)}"]
    try:
        return view.model_validate(data), []
    except ValidationError as error:
        faults = problems(error)
        broken = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
    return view.model_validate({k: v for k, v in data.items() if k not in broken}), faults


def look_alikes(view: JsonObject) -> list[str]:
    """Return a message for each extra field that differs only in case from a named one.

    Go reads such a field as the named one, and rejects the whole document if its type is wrong.
    """
    named = {
        alias.casefold(): alias
        for info in type(view).model_fields.values()
        if (alias := info.alias)
    }
    return [
        f"{name}: would be read as {named[name.casefold()]}: they differ only in case"
        for name in view.extra
        if name.casefold() in named
    ]


def problems(error: ValidationError) -> list[str]:
    """Return the faults that pydantic found, such as ``args.1: ...``, without the values."""
    return [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def json_type(value: Any) -> str:
    """Return the name of a value's type in JSON, for messages."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def fingerprint(value: Any) -> str:
    """Return a short hash of any JSON value."""
    # As ASCII, because a stored document may contain an escaped lone surrogate.
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
