"""The admin's pages for MCP servers, on the engine's document of each storage.

``options``    the ModelAdmin: URLs and permissions; ``model`` lends it a name
``views``      a page a file: list, add, edit, delete, rename, import, export, backups
``forms``      a server as a form; ``rows`` its lists and pairs
``secrets``    what of a server is shown, and what stands for it when it comes back
``addresses``  which server an admin URL means

The document is the entry ``config``, so that one rule decides: who may view that key may look,
who may change it may do all the rest.
"""
