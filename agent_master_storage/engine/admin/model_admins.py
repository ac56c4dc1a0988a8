"""The ModelAdmin that those of servers and destinations share."""

from __future__ import annotations

from django.db import models
from django.http import HttpRequest

from ...admin.model_admins import StorageAdmin
from ...admin.permissions import may_in_any_storage
from ..keys import CONFIG


class DocumentAdmin(StorageAdmin):
    """Parts of the engine's document: who may change that may change them all."""

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether there is a document to be seen."""
        return may_in_any_storage(request.user, "view", CONFIG)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A part is added by changing the document."""
        return may_in_any_storage(request.user, "change", CONFIG)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_add_permission()."""
        return may_in_any_storage(request.user, "change", CONFIG)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See has_add_permission()."""
        return may_in_any_storage(request.user, "change", CONFIG)
