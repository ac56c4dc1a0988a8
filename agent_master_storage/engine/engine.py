"""``Engine``: the public interface, put together from the functions of the other modules."""

from __future__ import annotations

from . import backups, events, servers, settings, transfer
from .destinations import auto_sync, catalog, sync
from .document_store import DocumentStore, async_twin


class Engine(DocumentStore):
    """MCP server configurations in the document of one storage.

    Every method has an async twin: the same name with an ``a`` before it. Nothing is cached: each
    call reads the storage, so changes by other processes, the admin or a Go engine are visible
    immediately.

    The methods are plain functions that take the engine, each defined in the module of its
    subject, so that a signature is written once.
    """

    # Servers

    add_server = servers.add_server
    update_server = servers.update_server
    remove_server = servers.remove_server
    rename_server = servers.rename_server
    enable_server = servers.enable_server
    disable_server = servers.disable_server
    get_server = servers.get_server
    list_servers = servers.list_servers
    validate_server = servers.validate_server

    aadd_server = async_twin(servers.add_server)
    aupdate_server = async_twin(servers.update_server)
    aremove_server = async_twin(servers.remove_server)
    arename_server = async_twin(servers.rename_server)
    aenable_server = async_twin(servers.enable_server)
    adisable_server = async_twin(servers.disable_server)
    aget_server = async_twin(servers.get_server)
    alist_servers = async_twin(servers.list_servers)
    avalidate_server = async_twin(servers.validate_server)

    # Settings

    update_settings = settings.update_settings
    aupdate_settings = async_twin(settings.update_settings)

    # Import and export

    import_config = transfer.import_config
    export_config = transfer.export_config

    aimport_config = async_twin(transfer.import_config)
    aexport_config = async_twin(transfer.export_config)

    # Destinations

    add_destination = catalog.add_destination
    update_destination = catalog.update_destination
    remove_destination = catalog.remove_destination
    get_destination = catalog.get_destination
    list_destinations = catalog.list_destinations

    aadd_destination = async_twin(catalog.add_destination)
    aupdate_destination = async_twin(catalog.update_destination)
    aremove_destination = async_twin(catalog.remove_destination)
    aget_destination = async_twin(catalog.get_destination)
    alist_destinations = async_twin(catalog.list_destinations)

    # Sync

    preview = sync.preview
    sync_one = sync.sync_one
    sync_all = sync.sync_all
    last_sync = sync.last_sync

    apreview = async_twin(sync.preview)
    async_one = async_twin(sync.sync_one)
    async_all = async_twin(sync.sync_all)
    alast_sync = async_twin(sync.last_sync)
    aauto_sync = async_twin(auto_sync.auto_sync)
    auto_sync = auto_sync.auto_sync

    #: short form of sync_one(), whose async twin is async_one(): ``async`` is a keyword
    sync = sync_one
    #: deprecated: use async_one()
    async_ = async_one

    # Backups

    create_backup = backups.create_backup
    list_backups = backups.list_backups
    get_backup = backups.get_backup
    restore_backup = backups.restore_backup
    delete_backup = backups.delete_backup

    acreate_backup = async_twin(backups.create_backup)
    alist_backups = async_twin(backups.list_backups)
    aget_backup = async_twin(backups.get_backup)
    arestore_backup = async_twin(backups.restore_backup)
    adelete_backup = async_twin(backups.delete_backup)

    # Events

    on_change = events.on_change
    aon_change = async_twin(events.on_change)
