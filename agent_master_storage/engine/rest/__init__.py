"""HTTP over ``agent_master_storage.engine``: MCP servers, import, export, backups, destinations.

Where to start reading: ``urls.py`` has the table of routes, ``servers.py`` what answers most of
them. ``base.py`` holds what all views share: the document with its ETag, secrets, refusals.
"""
