"""The MCP configuration engine: servers, destinations and backups on any storage.

A map for readers:

``engine``          ``Engine``, put together from the functions of the modules below
``document_store``  reads the document, and changes it without losing concurrent updates
``document``        the stored JSON document; ``stored_server`` changes one server in it
``server``          ``Server``, ``ServerConfig``, ``Internal``, and what is valid
``servers``         add, update, remove, list ...
``settings``        the settings of the document, and how they are changed
``transfer``        import and export; ``formats`` are the configuration files of MCP clients
``destinations``    files and keys that clients read, and how servers are synced to them
``backups``, ``events``
``secrets``         finds literal secrets and masks them; ``variables`` are the alternative
``schemas``         JSON Schemas of the document and of the clients' files
``json_object``, ``json_path``, ``times``, ``keys``, ``exceptions``
``representations`` JSON representations for REST and the command; ``rest``, ``admin``,
                    ``management`` are the ways in

In a project::

    from agent_master_storage import storages
    from agent_master_storage.engine import Engine, ServerConfig

    engine = Engine(storage=storages["default"])
    engine.add_server("files", ServerConfig(command="npx", args=["-y", "some-server"]))
"""

from __future__ import annotations

try:
    import pydantic  # noqa: F401
    import tomlkit  # noqa: F401
    import yaml  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"agent_master_storage.engine requires the package {error.name!r}; install the extra"
        " with: pip install 'agent-master-storage[engine]'",
        name=error.name,
    ) from error

from .document import Document
from .engine import Engine
from .server import Internal, Server, ServerConfig

__all__ = ["Document", "Engine", "Internal", "Server", "ServerConfig"]
