"""Frozen, typed views of JSON objects.

They are views for reading and for giving to ``Engine``: a change is made on the document as
it was parsed, so that what is not named here is kept (see ``document.py``).

Built on pydantic: of the libraries weighed (attrs with cattrs, msgspec) it alone keeps unknown
fields by itself, says where in a document a fault is, and writes the JSON Schema as well.
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
    """A JSON object, read. Fields that it does not name are kept in ``model_extra``.

    A field that is null is read as one that is missing, as Go does. ``to_dict()`` gives the
    object back as Go writes it: empty fields are left out, but for those of ``always``.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # Numbers and switches are common under env: a process gets text in any case.
        coerce_numbers_to_str=True,
        # A message with the input in it would put a token into a log.
        hide_input_in_errors=True,
    )

    #: fields that are written also when they are false or empty
    always: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        names = {name for key, info in cls.model_fields.items() for name in (key, info.alias)}
        return {key: part for key, part in data.items() if part is not None or key not in names}

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: named fields in order, then the others."""
        fields = type(self).model_fields
        named = self.model_dump(by_alias=True, include=set(fields))
        kept = {name for key, info in fields.items() for name in [info.alias] if key in self.always}
        return {key: part for key, part in named.items() if part or key in kept} | self.extra

    @property
    def extra(self) -> dict[str, Any]:
        """The fields that this class does not name, as they came."""
        return dict(self.model_extra or {})


def read(view: type[V], data: Any) -> tuple[V, list[str]]:
    """``data`` as a ``view``, and what is wrong with it; broken fields are left at default.

    One broken field, which another program may have written, must not hide all the others.
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
    """Fields that differ by case alone from one that the class names.

    Go takes them for that one, and reads no document at all when they hold something else.
    """
    named = {
        alias.casefold(): alias
        for info in type(view).model_fields.values()
        if (alias := info.alias)
    }
    return [
        f"{name}: would be taken for {named[name.casefold()]}: case alone tells them apart"
        for name in view.extra
        if name.casefold() in named
    ]


def problems(error: ValidationError) -> list[str]:
    """What pydantic found, as ``args.1: ...``, without the values."""
    return [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def json_type(value: Any) -> str:
    """What JSON calls it, for messages."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def fingerprint(value: Any) -> str:
    """A short text that differs when ``value``, any JSON, differs."""
    # In ASCII: a stored document may hold a lone surrogate, as an escape.
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
