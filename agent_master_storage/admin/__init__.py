"""The Django admin, built on the storage interface, so that every alias looks the same in it.

``model_admins``  the two ModelAdmins: URLs, permissions, the admin's own log of actions
``views``         one module per page: list, add and edit, delete, bulk delete, log, diff, restore
``stores``        the same operations for adapters with and without revisions
``log``           the change log, newest change first
``content``       converts between bytes and the text that people edit, without loss
``jsontext``      formats and compares JSON text, and tests whether JavaScript would change it
``diffs``         two values side by side
``addresses``     the alias and key that an admin URL names

No page needs a row of a model: Entry and Change lend their names to URLs and permissions.
"""

from __future__ import annotations

from django.contrib import admin

from ..models import Change, Entry
from .model_admins import ChangeAdmin, EntryAdmin

admin.site.register(Entry, EntryAdmin)
admin.site.register(Change, ChangeAdmin)
