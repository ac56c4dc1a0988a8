"""Puts entries and the change log into Django's admin; see the package ``administration``."""

from __future__ import annotations

from django.contrib import admin

from .administration.options import ChangeAdmin, EntryAdmin
from .models import Change, Entry

admin.site.register(Entry, EntryAdmin)
admin.site.register(Change, ChangeAdmin)
