"""Parts of ``manage.py mcp``: its arguments and what it prints."""
