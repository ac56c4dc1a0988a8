"""What goes over HTTP as JSON: checks what comes in, describes what goes out.

Going out, ``wire.py`` makes the same faces for sockets and streams; serializers here only
tell OpenAPI about them.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .. import serialization
from ..backends.logged import MAX_COMMIT_OPERATIONS
from ..exceptions import InvalidValue, StorageError, ValueTooLarge
from ..keys import check_key, check_revision
from ..types import Check, Delete, Operation, Write


class ValueSerializer(serializers.Serializer[Any]):
    """A value and how it is put into JSON."""

    value = serializers.JSONField(
        help_text="Text, base64 or any JSON document, as `encoding` says.", allow_null=True
    )
    encoding = serializers.ChoiceField(serialization.ENCODINGS, default="utf-8")


class EntrySerializer(ValueSerializer):
    """An entry. Only `value` and `encoding` are read; the rest may be sent back as it came."""

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
    previous_revision = serializers.IntegerField(help_text="0: the key was new")
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_blank=True)


class _ListSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(allow_null=True)
    epoch = serializers.CharField(allow_null=True)
    next = serializers.URLField(allow_null=True)


class EntryListSerializer(_ListSerializer):
    """A page of entries; `next` leads to the following one."""

    results = EntrySerializer(many=True)


class ChangeListSerializer(_ListSerializer):
    """A page of the log. `revision`: everything up to it is here; go on with `since` from it."""

    results = ChangeSerializer(many=True)


class OperationSerializer(serializers.Serializer[Any]):
    """One operation of a commit."""

    op = serializers.ChoiceField(("write", "delete", "check"))
    key = serializers.CharField()
    value = serializers.JSONField(required=False, allow_null=True, help_text="of a write")
    encoding = serializers.ChoiceField(
        serialization.ENCODINGS, required=False, help_text="of a write"
    )
    if_revision = serializers.IntegerField(
        required=False, min_value=0, help_text="of a write or delete; 0: must be missing"
    )
    revision = serializers.IntegerField(required=False, min_value=0, help_text="of a check")


class CommitSerializer(serializers.Serializer[Any]):
    """All or nothing, one revision."""

    operations = OperationSerializer(many=True)


class RevisionSerializer(serializers.Serializer[Any]):
    """The revision that a commit took."""

    revision = serializers.IntegerField()


class CapabilitiesSerializer(serializers.Serializer[Any]):
    """What the adapter can do."""

    revisions = serializers.BooleanField()
    commit = serializers.BooleanField()
    resume = serializers.BooleanField()


class StatusSerializer(serializers.Serializer[Any]):
    """Where a storage stands."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True)
    oldest = serializers.IntegerField(allow_null=True, help_text="oldest revision held in the log")
    epoch = serializers.CharField(allow_null=True)
    max_value_size = serializers.IntegerField(help_text="bytes")
    capabilities = CapabilitiesSerializer()


class AliasSerializer(serializers.Serializer[Any]):
    """A storage that the visitor may see."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    url = serializers.URLField()


class AliasListSerializer(serializers.Serializer[Any]):
    """The storages that the visitor may see."""

    results = AliasSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """A refusal."""

    detail = serializers.CharField()
    code = serializers.CharField()
    oldest = serializers.IntegerField(required=False, help_text="revision_compacted")
    current = serializers.IntegerField(
        required=False, help_text="revision_conflict, revision_ahead, precondition_failed"
    )
    index = serializers.IntegerField(required=False, help_text="of the operation of a commit")


# What comes in, checked by hand: DRF's fields would trim keys, and turn numbers into text.

_ENTRY_FIELDS = set(EntrySerializer().fields)
_OPERATIONS: dict[str, set[str]] = {
    "write": {"op", "key", "value", "encoding", "if_revision"},
    "delete": {"op", "key", "if_revision"},
    "check": {"op", "key", "revision"},
}


def entry_value(document: dict[str, Any], key: str) -> bytes:
    """The bytes that an entry's JSON face holds; InvalidValue when it is none of ``key``."""
    refuse_unknown(document, _ENTRY_FIELDS)
    if document.get("key", key) != key:
        raise InvalidValue("the body's key is not the one of the URL")
    return _value(document)


def operations(document: dict[str, Any]) -> list[Operation]:
    """The operations of a commit; errors carry the index."""
    refuse_unknown(document, {"operations"})
    found = document.get("operations")
    if not isinstance(found, list):
        raise InvalidValue("operations must be a list")
    if len(found) > MAX_COMMIT_OPERATIONS:
        raise ValueTooLarge(f"a commit has at most {MAX_COMMIT_OPERATIONS} operations")
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
        raise InvalidValue('an operation is an object whose "op" is write, delete or check')
    refuse_unknown(operation, _OPERATIONS[op])
    # A permission is asked for before the storage looks at them.
    key = check_key(operation.get("key"))
    if op == "check":
        if "revision" not in operation:
            raise InvalidValue("a check needs a revision")
        return Check(key, check_revision(operation["revision"]))
    if_revision = operation.get("if_revision")
    if if_revision is not None:
        check_revision(if_revision, "if_revision")
    if op == "delete":
        return Delete(key, if_revision)
    return Write(key, _value(operation), if_revision)


def _value(document: dict[str, Any]) -> bytes:
    if "value" not in document:
        raise InvalidValue("there is no value")
    encoding = document.get("encoding", "utf-8")
    if not isinstance(encoding, str):
        raise InvalidValue("encoding must be a string")
    return serialization.decode(document["value"], encoding)


def refuse_unknown(document: dict[str, Any], known: set[str]) -> None:
    """An unknown field may be a slip of a known one, such as a condition."""
    for name in document:
        if name not in known:
            raise InvalidValue(f"unknown field {name!a}")
