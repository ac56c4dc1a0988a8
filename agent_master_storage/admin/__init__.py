"""The Django admin, built on the storage interface, so that every alias looks the same in it.

``options``    the two ModelAdmins: URLs, permissions, the admin's own log of actions
``views``      a page a file: list, add and edit, delete, bulk delete, log, diff, restore
``stores``     one face for adapters with and without revisions: look, put, remove, list
``log``        the change log from its newest end
``content``    bytes as people see and edit them, and back without losing any
``jsontext``   JSON as text: laid out, compared, and asked whether JavaScript would harm it
``diffs``      two values side by side
``addresses``  which alias and key an admin URL means

No page needs a row of a model: Entry and Change lend their names to URLs and permissions.
"""

from __future__ import annotations

from django.contrib import admin

from ..models import Change, Entry
from .model_admins import ChangeAdmin, EntryAdmin

admin.site.register(Entry, EntryAdmin)
admin.site.register(Change, ChangeAdmin)
