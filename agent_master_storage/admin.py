"""Puts the app's pages into Django's admin; see the package ``administration``."""

from __future__ import annotations

from django.contrib import admin

from .administration.destinations.options import DestinationAdmin
from .administration.options import ChangeAdmin, EntryAdmin
from .administration.parts import McpDestination, McpServer
from .administration.servers.options import ServerAdmin
from .models import Change, Entry

admin.site.register(Entry, EntryAdmin)
admin.site.register(Change, ChangeAdmin)
admin.site.register(McpServer, ServerAdmin)
admin.site.register(McpDestination, DestinationAdmin)
