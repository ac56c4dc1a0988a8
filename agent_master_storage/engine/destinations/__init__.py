"""Destinations: the files and keys that MCP clients read their servers from.

``destination``  one destination, as it is stored in the document
``catalog``      add, update, remove and list destinations
``location``     the file or key of a destination; ``files`` replaces files safely
``plan``         what a destination should contain, and how that differs from its content
``patch``        changes a text without losing its comments
``sync``         writes destinations; ``auto_sync`` does so after every change
"""
