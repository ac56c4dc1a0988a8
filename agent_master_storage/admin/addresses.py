"""Which alias and key an admin URL means.

The admin knows an object by one text. An entry's is ``<alias>/<key>``, a change's
``<alias>/<revision>/<key>``. A row's number, which Entry and Change have too, is understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.contrib.admin.utils import quote, unquote
from django.http import Http404
from django.urls import reverse

from .. import models
from ..exceptions import InvalidKey, NotSupported
from ..handler import storage_of, storages
from ..keys import check_key
from .legible import Keyed

Row = TypeVar("Row", models.Entry, models.Change)


@dataclass(frozen=True, slots=True)
class EntryAddress(Keyed):
    """One key of one storage."""

    alias: str
    key: str

    @classmethod
    def of(cls, object_id: str) -> EntryAddress:
        """The entry that the id in a URL means; Http404 when it can't be one."""
        text = unquote(object_id)
        if text.isascii() and text.isdigit():
            row = _row(models.Entry, text)
            return cls(_alias(row.namespace), row.key)
        alias, _, key = text.partition("/")
        return cls(known_alias(alias), known_key(key))

    @property
    def object_id(self) -> str:
        """What the admin's log of actions keeps."""
        return f"{self.alias}/{self.key}"

    @property
    def quoted(self) -> str:
        """The id as it stands in URLs."""
        return str(quote(self.object_id))

    def url(self, page: str, site: str = "admin") -> str:
        """The address of ``page``: change, delete, history, download or restore."""
        return _url(f"entry_{page}", site, self.quoted)


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """One change of one key."""

    alias: str
    revision: int
    key: str

    @classmethod
    def of(cls, object_id: str) -> ChangeAddress:
        """The change that the id in a URL means; Http404 when it can't be one."""
        text = unquote(object_id)
        if text.isascii() and text.isdigit():
            row = _row(models.Change, text)
            return cls(_alias(row.namespace), row.revision, row.key)
        alias, _, rest = text.partition("/")
        revision, _, key = rest.partition("/")
        return cls(known_alias(alias), known_revision(revision), known_key(key))

    @property
    def entry(self) -> EntryAddress:
        return EntryAddress(self.alias, self.key)

    def url(self, site: str = "admin") -> str:
        """The address of its diff."""
        return _url("change_change", site, quote(f"{self.alias}/{self.revision}/{self.key}"))


def list_url(model: str, site: str = "admin") -> str:
    """The address of the list of ``model``: entry or change."""
    return _url(f"{model}_changelist", site)


def add_url(site: str = "admin") -> str:
    """The address where an entry is added."""
    return _url("entry_add", site)


def known_alias(alias: str) -> str:
    """Return ``alias``, or raise Http404."""
    if alias not in storages:
        raise Http404(f"no storage has the alias {alias!r}")
    return alias


def known_key(key: str) -> str:
    """Return ``key``, or raise Http404."""
    try:
        return check_key(key)
    except InvalidKey as error:
        raise Http404(str(error)) from error


def known_revision(text: str) -> int:
    """Return the revision that ``text`` says, or raise Http404."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise Http404(f"{text!r} is no revision")


def _url(name: str, site: str, *args: str) -> str:
    return reverse(f"admin:agent_master_storage_{name}", args=args, current_app=site)


def _row(model: type[Row], number: str) -> Row:
    # int() refuses thousands of digits.
    pk = int(number) if len(number) < 20 else 2**63
    row = model._default_manager.filter(pk=pk).first() if pk < 2**63 else None
    if row is None:
        raise Http404(f"no row has the number {number[:20]}")
    return row


def _alias(namespace: str) -> str:
    try:
        return storage_of(namespace, None).alias
    except NotSupported as error:
        raise Http404(str(error)) from error
