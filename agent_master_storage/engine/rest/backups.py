"""Backups of the document."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from .. import representations as faces
from ..backups import Backup
from ..exceptions import InvalidDocument
from . import openapi
from .base import DocumentView, text_of
from .errors import Unreadable


class BackupsView(DocumentView):
    """All of them."""

    name = "Backups"
    sample = {"description": ""}

    @openapi.described("engine_backup_list", openapi.BACKUPS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the backups, the newest first."""
        found = self.engine.list_backups()
        return Response({"results": [faces.backup(one) for one in found], "next": None})

    @openapi.described("engine_backup_create", openapi.BACK_UP)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the document as it stands; the oldest beyond the limit are removed."""
        description = text_of(self.body("description"), "description", "")
        with self.acting():
            backup = self.replacing().create_backup(description)
        return Response(faces.backup(backup), 201)


class BackupView(DocumentView):
    """One of them."""

    name = "Backup"

    @openapi.described("engine_backup_read", openapi.BACKUP)
    def get(self, request: Request, alias: str, id: str) -> Response:
        """Return a backup with the document that it holds."""
        secrets = self.shows_secrets()
        try:
            document = self.engine.get_backup(id)
        except InvalidDocument as error:
            raise Unreadable(error) from error
        shown = faces.document(document, secrets=secrets)
        return Response({**faces.backup(self._noted(id)), "document": shown})

    def _noted(self, id: str) -> Backup:
        found = [backup for backup in self.engine.list_backups() if backup.id == id]
        return found[0] if found else Backup(id=id)

    @openapi.described("engine_backup_delete", openapi.DELETE)
    def delete(self, request: Request, alias: str, id: str) -> Response:
        """Remove a backup."""
        with self.acting():
            self.engine.delete_backup(id)
        return Response(status=204)


class RestoreView(DocumentView):
    """Makes one the present document."""

    name = "Restore"

    @openapi.described("engine_backup_restore", openapi.RESTORE)
    def post(self, request: Request, alias: str, id: str) -> Response:
        """Restore a backup; the answer is the one that was made of what it replaced."""
        try:
            with self.acting():
                made = self.replacing().restore_backup(id)
        except InvalidDocument as error:
            raise Unreadable(error) from error
        return Response(faces.backup(made))
