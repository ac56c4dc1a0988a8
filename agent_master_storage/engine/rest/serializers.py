"""What goes over HTTP, as OpenAPI is told of it. ``engine.faces`` makes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ...rest.serializers import ErrorSerializer
from ..server import TRANSPORTS


class EngineErrorSerializer(ErrorSerializer):
    """A refusal: `code` for programs, `detail` for people."""

    name = serializers.CharField(required=False, help_text="of the server, backup or destination")
    where = serializers.CharField(required=False, help_text="invalid_document: the place")
    problems = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="invalid_server: each of them"
    )


class AdviceSerializer(serializers.Serializer[Any]):
    """A literal secret that had better be a reference."""

    where = serializers.CharField()
    what = serializers.CharField()
    instead = serializers.CharField()


class ServerConfigSerializer(serializers.Serializer[Any]):
    """How a server is reached. Other fields are kept as they are."""

    transport = serializers.ChoiceField(TRANSPORTS, required=False)
    command = serializers.CharField(required=False, help_text="stdio")
    args = serializers.ListField(child=serializers.CharField(), required=False)
    env = serializers.DictField(child=serializers.CharField(), required=False)
    url = serializers.CharField(required=False, help_text="sse, http and streamable-http")
    headers = serializers.DictField(child=serializers.CharField(), required=False)
    metadata = serializers.DictField(required=False)


class ServerSerializer(serializers.Serializer[Any]):
    """A server. `name`, `enabled`, `config` and `internal` are read."""

    name = serializers.CharField()
    enabled = serializers.BooleanField(required=False)
    transport = serializers.CharField(required=False)
    config = ServerConfigSerializer()
    internal = serializers.DictField(required=False, help_text="what the engine notes about it")
    problems = serializers.ListField(child=serializers.CharField(), required=False)
    advice = AdviceSerializer(many=True, required=False)
    fingerprint = serializers.CharField(
        required=False, help_text="given back, the write holds for that state of the server alone"
    )


class _ListSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)


class ServerListSerializer(_ListSerializer):
    """The servers that match, by name."""

    revision = serializers.IntegerField(allow_null=True, help_text="of the document; 0: none yet")
    epoch = serializers.CharField(allow_null=True)
    results = ServerSerializer(many=True)


class NewNameSerializer(serializers.Serializer[Any]):
    """Another name."""

    new_name = serializers.CharField()


class EngineAliasSerializer(serializers.Serializer[Any]):
    """A storage with a document."""

    alias = serializers.CharField()
    url = serializers.URLField()


class EngineListSerializer(serializers.Serializer[Any]):
    """The storages that the visitor may see."""

    results = EngineAliasSerializer(many=True)


class EngineStatusSerializer(serializers.Serializer[Any]):
    """Where a document stands."""

    alias = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True)
    version = serializers.CharField()
    servers = serializers.IntegerField()
    enabled = serializers.IntegerField()
    settings = serializers.DictField()


class ImportResultSerializer(serializers.Serializer[Any]):
    """What an import did, or would do: names of servers."""

    format = serializers.CharField(help_text="that the data had")
    added = serializers.ListField(child=serializers.CharField())
    updated = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())
    skipped = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    dry_run = serializers.BooleanField()


class NewBackupSerializer(serializers.Serializer[Any]):
    """What is to be noted about a backup."""

    description = serializers.CharField(required=False)


class BackupSerializer(serializers.Serializer[Any]):
    """What is known about a backup."""

    id = serializers.CharField()
    path = serializers.CharField()
    timestamp = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    type = serializers.CharField()
    description = serializers.CharField(required=False)


class BackupWithDocumentSerializer(BackupSerializer):
    """A backup and what it holds."""

    document = serializers.DictField()


class BackupListSerializer(_ListSerializer):
    """The backups, the newest first."""

    results = BackupSerializer(many=True)


class DestinationPatchSerializer(serializers.Serializer[Any]):
    """What a destination is given."""

    path = serializers.CharField(required=False, help_text="absolute; none: a key of the storage")
    format = serializers.CharField(
        required=False, default="", help_text="empty: told by the path, else mcpServers"
    )
    enabled = serializers.BooleanField(required=False, default=True)
    requires_sanitization = serializers.BooleanField(required=False, default=False)
    supports_projects = serializers.BooleanField(required=False, default=False)
    server_name_pattern = serializers.CharField(required=False)


class NewDestinationSerializer(DestinationPatchSerializer):
    """A destination to be added."""

    name = serializers.CharField()


class DestinationSerializer(serializers.Serializer[Any]):
    """A destination, in the words of the stored document."""

    name = serializers.CharField()
    type = serializers.CharField(help_text="file or storage")
    enabled = serializers.BooleanField()
    configPath = serializers.CharField(allow_blank=True)
    requiresSanitization = serializers.BooleanField()
    supportsProjects = serializers.BooleanField()
    configFormat = serializers.CharField()
    serverNamePattern = serializers.CharField(required=False)


class DestinationListSerializer(_ListSerializer):
    """The destinations by name."""

    results = DestinationSerializer(many=True)


class SyncResultSerializer(serializers.Serializer[Any]):
    """What a sync did, or would do."""

    destination = serializers.CharField()
    success = serializers.BooleanField()
    serversAdded = serializers.IntegerField()
    serversUpdated = serializers.IntegerField()
    serversRemoved = serializers.IntegerField()
    changes = serializers.ListField(child=serializers.DictField(), required=False)
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(), required=False
    )
    warnings = serializers.ListField(child=serializers.CharField(), required=False)
    backupPath = serializers.CharField(required=False)
    configPath = serializers.CharField(required=False)
    duration = serializers.IntegerField(help_text="nanoseconds")
    timestamp = serializers.CharField()
    dryRun = serializers.BooleanField()
    written = serializers.BooleanField()


class DestinationWithSyncSerializer(DestinationSerializer):
    """A destination and its last sync."""

    lastSync = SyncResultSerializer(allow_null=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """What a sync would change: names of servers, and a diff without secrets."""

    destination = serializers.CharField()
    added = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())
    diff = serializers.CharField(allow_blank=True)
    warnings = serializers.ListField(child=serializers.CharField())
    differs = serializers.BooleanField()
