"""The admin pages of MCP servers and destinations."""

from __future__ import annotations

from django.contrib import admin

from ...admin.widgets import schema_finders
from .destinations.options import DestinationAdmin
from .parts import McpDestination, McpServer
from .schemas import find_schema
from .servers.options import ServerAdmin

admin.site.register(McpServer, ServerAdmin)
admin.site.register(McpDestination, DestinationAdmin)
schema_finders.append(find_schema)
