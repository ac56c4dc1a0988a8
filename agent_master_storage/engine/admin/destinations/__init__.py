"""The admin's pages for MCP destinations: the files and keys that get the servers.

``options``  the ModelAdmin: URLs and permissions
``views``    a page a file: list, add, edit, delete, sync
``forms``    a destination as a form

Destinations stand in the engine's document as servers do, and the same rule decides. A file is
looked at and written in the folders that the project allowed alone; see
``engine.destinations.location``.
"""
