"""Serializers that describe the JSON for OpenAPI, and functions that validate request bodies.

Responses are built by ``serialization.py``, which websockets and event streams use as well.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .. import serialization
from ..backends.commit import MAX_COMMIT_OPERATIONS
from ..exceptions import InvalidValue, StorageError, ValueTooLarge
from ..keys import check_key, check_revision
from ..types import Check, Delete, Operation, Write


class ValueSerializer(serializers.Serializer[Any]):
    """A value and its encoding in JSON."""

    value = serializers.JSONField(
        help_text="Text, base64 or any JSON document, depending on `encoding`.", allow_null=True
    )
    encoding = serializers.ChoiceField(serialization.ENCODINGS, default="utf-8")


class EntrySerializer(ValueSerializer):
    """An entry. A write uses only `value` and `encoding`; other fields may be sent back as is."""

    key = serializers.CharField(required=False)
    revision = serializers.IntegerField(read_only=True, allow_null=True)
    created_revision = serializers.IntegerField(read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)
    actor = serializers.CharField(read_only=True, allow_null=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """A change. `value` and `encoding` are null for a delete."""

    type = serializers.ChoiceField(("write", "delete"))
    key = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    encoding = serializers.ChoiceField(serialization.ENCODINGS, allow_null=True)
    revision = serializers.IntegerField()
    previous_revision = serializers.IntegerField(help_text="0 if the key was new")
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_blank=True)


class _ListSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(allow_null=True)
    epoch = serializers.CharField(allow_null=True)
    next = serializers.URLField(allow_null=True)


class EntryListSerializer(_ListSerializer):
    """A page of entries; `next` is the URL of the next page."""

    results = EntrySerializer(many=True)


class ChangeListSerializer(_ListSerializer):
    """A page of the change log, complete up to `revision`: continue with `since` set to it."""

    results = ChangeSerializer(many=True)


class OperationSerializer(serializers.Serializer[Any]):
    """One operation of a commit."""

    op = serializers.ChoiceField(("write", "delete", "check"))
    key = serializers.CharField()
    value = serializers.JSONField(required=False, allow_null=True, help_text="for `write`")
    encoding = serializers.ChoiceField(
        serialization.ENCODINGS, required=False, help_text="for `write`"
    )
    if_revision = serializers.IntegerField(
        required=False, min_value=0, help_text="for `write` and `delete`; 0: the key must not exist"
    )
    revision = serializers.IntegerField(required=False, min_value=0, help_text="for `check`")


class CommitSerializer(serializers.Serializer[Any]):
    """Operations that are applied as one revision or not at all."""

    operations = OperationSerializer(many=True)


class RevisionSerializer(serializers.Serializer[Any]):
    """The revision of a commit."""

    revision = serializers.IntegerField()


class CapabilitiesSerializer(serializers.Serializer[Any]):
    """What the adapter supports."""

    revisions = serializers.BooleanField()
    commit = serializers.BooleanField()
    resume = serializers.BooleanField()


class StatusSerializer(serializers.Serializer[Any]):
    """The state of a storage."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True)
    oldest = serializers.IntegerField(
        allow_null=True, help_text="the oldest revision in the change log"
    )
    epoch = serializers.CharField(allow_null=True)
    max_value_size = serializers.IntegerField(help_text="in bytes")
    capabilities = CapabilitiesSerializer()


class AliasSerializer(serializers.Serializer[Any]):
    """A storage that the user may view."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    url = serializers.URLField()


class AliasListSerializer(serializers.Serializer[Any]):
    """The storages that the user may view."""

    results = AliasSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """An error."""

    detail = serializers.CharField()
    code = serializers.CharField()
    oldest = serializers.IntegerField(required=False, help_text="with `revision_compacted`")
    current = serializers.IntegerField(
        required=False,
        help_text="with `revision_conflict`, `revision_ahead` and `precondition_failed`",
    )
    index = serializers.IntegerField(
        required=False, help_text="the position of the operation in a commit, from 0"
    )


# Request bodies are validated by hand: DRF's fields would strip keys and convert numbers to text.

_ENTRY_FIELDS = set(EntrySerializer().fields)
_OPERATIONS: dict[str, set[str]] = {
    "write": {"op", "key", "value", "encoding", "if_revision"},
    "delete": {"op", "key", "if_revision"},
    "check": {"op", "key", "revision"},
}


def entry_value(document: dict[str, Any], key: str) -> bytes:
    """Return the value in the JSON representation of an entry.

    Raises:
        InvalidValue: It is not a representation of the entry ``key``.
    """
    reject_unknown(document, _ENTRY_FIELDS)
    if document.get("key", key) != key:
        raise InvalidValue("the key in the body differs from the key in the URL")
    return _value(document)


def operations(document: dict[str, Any]) -> list[Operation]:
    """Return the operations of a commit; an error carries the index of its operation."""
    reject_unknown(document, {"operations"})
    found = document.get("operations")
    if not isinstance(found, list):
        raise InvalidValue("operations must be a list")
    if len(found) > MAX_COMMIT_OPERATIONS:
        raise ValueTooLarge(f"a commit may have at most {MAX_COMMIT_OPERATIONS} operations")
    return [_indexed(index, operation) for index, operation in enumerate(found)]


def _indexed(index: int, operation: Any) -> Operation:
    try:
        return _operation(operation)
    except StorageError as error:
        error.index = index
        raise


def _operation(operation: Any) -> Operation:
    op = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(op, str) or op not in _OPERATIONS:
        raise InvalidValue('each operation must be an object whose "op" is write, delete or check')
    reject_unknown(operation, _OPERATIONS[op])
    # The permission check needs a valid key before the storage validates it.
    key = check_key(operation.get("key"))
    if op == "check":
        if "revision" not in operation:
            raise InvalidValue("a check requires a revision")
        return Check(key, check_revision(operation["revision"]))
    if_revision = operation.get("if_revision")
    if if_revision is not None:
        check_revision(if_revision, "if_revision")
    if op == "delete":
        return Delete(key, if_revision)
    return Write(key, _value(operation), if_revision)


def _value(document: dict[str, Any]) -> bytes:
    if "value" not in document:
        raise InvalidValue("the field value is missing")
    encoding = document.get("encoding", "utf-8")
    if not isinstance(encoding, str):
        raise InvalidValue("encoding must be a string")
    return serialization.decode(document["value"], encoding)


def reject_unknown(document: dict[str, Any], known: set[str]) -> None:
    """Raise InvalidValue for an unknown field: it may be a misspelt precondition."""
    for name in document:
        if name not in known:
            raise InvalidValue(f"unknown field {name!a}")
