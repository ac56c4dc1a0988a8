"""The tables of the database adapters, and what people see of them in the admin.

The adapter reads and writes them by SQL of its own. Everything else that would change them is
led through the adapter (``Entry.save()``, ``delete()``) or refused (``update()``,
``bulk_create()``, ``loaddata``), because a row that changes without an entry in the log is a
change that no watcher hears of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from django.db import models, transaction
from django.db.models.signals import pre_save
from django.dispatch import receiver

from .exceptions import NotSupported
from .keys import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from .backends.database.storage import DatabaseStorage

MAX_NAMESPACE_LENGTH = 64


class KeyField(models.CharField):  # type: ignore[type-arg]
    """Text that sorts by code point on every database, so that a prefix is a range of an index.

    SQLite compares so by itself; PostgreSQL needs the collation "C", whatever its locale.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: Any = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "agent_master_storage.models.KeyField", args, kwargs


class RowIdField(models.BigAutoField):  # type: ignore[type-arg]
    """An automatic key that on SQLite is the plain rowid.

    AUTOINCREMENT would keep a second table, written at every insert, to never use the number
    of a deleted row again. Nothing outside remembers these numbers.
    """

    def db_type_suffix(self, connection: BaseDatabaseWrapper) -> str | None:
        return None if connection.vendor == "sqlite" else super().db_type_suffix(connection)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "agent_master_storage.models.RowIdField", args, kwargs


class PlaceField(models.BigIntegerField):  # type: ignore[type-arg]
    """A primary key that the adapter computes; on SQLite it is the rowid, so needs no index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "agent_master_storage.models.PlaceField", args, kwargs


def _refuse(what: str, instead: str) -> Callable[..., NoReturn]:
    def method(self: object, *args: object, **kwargs: object) -> NoReturn:
        raise NotSupported(
            f"{what} would change rows behind the change log's back; use {instead} instead"
        )

    return method


class EntryQuerySet(models.QuerySet["Entry"]):
    """Reads as any; deletes through the storage; changes nothing else."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete each entry through its storage, so that each becomes a change; all or none."""
        count = 0
        with transaction.atomic(using=self.db):
            for entry in self:
                entry.delete()
                count += 1
        return count, {Entry._meta.label: count} if count else {}

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    update = _refuse("update()", "storage.commit()")
    bulk_create = _refuse("bulk_create()", "storage.commit()")
    bulk_update = _refuse("bulk_update()", "storage.commit()")
    _raw_delete = _refuse("a raw delete", "storage.delete()")


class ChangeQuerySet(models.QuerySet["Change"]):
    """The log is read-only."""

    delete = _refuse("delete()", "storage.compact()")
    update = _refuse("update()", "storage.commit()")
    bulk_create = _refuse("bulk_create()", "storage.commit()")
    bulk_update = _refuse("bulk_update()", "storage.commit()")
    _raw_delete = _refuse("a raw delete", "storage.compact()")


class State(models.Model):
    """Where a namespace stood when its log was last counted; the log may be ahead of it.

    Made at the first use; when it is gone, the store was emptied and a new epoch begins.
    """

    namespace = models.CharField(max_length=MAX_NAMESPACE_LENGTH, primary_key=True)
    # The place of its changes among all: see Change.id.
    number = models.IntegerField(unique=True)
    revision = models.BigIntegerField(default=0)
    compacted = models.BigIntegerField(default=0)
    epoch = models.CharField(max_length=32)
    # What the log holds, so that trimming it needs no count.
    held_changes = models.BigIntegerField(default=0)
    held_bytes = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.namespace


class Entry(models.Model):
    """The present state of one key."""

    id = RowIdField(primary_key=True)
    namespace = models.CharField(max_length=MAX_NAMESPACE_LENGTH, editable=False)
    key = KeyField(max_length=MAX_KEY_LENGTH)
    value = models.BinaryField(editable=True)
    revision = models.BigIntegerField(editable=False)
    created_revision = models.BigIntegerField(editable=False)
    # of the write before; 0: there was none since created_revision
    previous_revision = models.BigIntegerField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    actor = models.CharField(max_length=255, blank=True, editable=False)

    objects = EntryQuerySet.as_manager()

    #: finds the storage of a namespace and database. Models stand below the handler, so the
    #: app's configuration tells them whom to ask.
    storage_of: ClassVar[Callable[[str, str | None], DatabaseStorage]]

    class Meta:
        verbose_name_plural = "entries"
        constraints = (models.UniqueConstraint(fields=("namespace", "key"), name="ams_entry_key"),)

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the value through the storage; ``revision`` is a condition when it is set."""
        storage = self._storage(kwargs.get("using"))
        expected = 0 if self._state.adding else self.revision
        storage.write(self.key, cast("bytes", self.value), if_revision=expected)
        self.namespace = storage.namespace
        manager = type(self)._base_manager.using(storage.using)
        fresh = manager.get(namespace=self.namespace, key=self.key)
        self.__dict__.update(fresh.__dict__)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete through the storage, unless it was changed since it was read."""
        if self._state.adding:
            # Without a revision it would delete whatever another has stored under the key.
            raise ValueError(f"the entry {self.key!r} was never saved, so it can't be deleted")
        self._storage(kwargs.get("using")).delete(self.key, if_revision=self.revision)
        return 1, {self._meta.label: 1}

    def _storage(self, using: str | None) -> DatabaseStorage:
        return type(self).storage_of(self.namespace, using or self._state.db)


class Change(models.Model):
    """One change in the log; a null value is a delete."""

    # Of the namespace's number, the revision and the number inside it: see backends/sql.py. One
    # range of the table is the log of a namespace in its order, without an index beside it.
    # Nor is there an index by key. At each write either costs SQLite a page more to write, and
    # the log is short enough to be read through for the history of one key.
    id = PlaceField(primary_key=True)
    namespace = models.CharField(max_length=MAX_NAMESPACE_LENGTH)
    revision = models.BigIntegerField()
    # the first revision of the transaction that made it
    transaction = models.BigIntegerField()
    key = KeyField(max_length=MAX_KEY_LENGTH)
    value = models.BinaryField(null=True)
    previous_revision = models.BigIntegerField()
    created_revision = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=255, blank=True)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.type} {self.key} at revision {self.revision}"

    @property
    def type(self) -> str:
        return "delete" if self.value is None else "write"

    save = _refuse("save()", "storage.write()")
    delete = _refuse("delete()", "storage.compact()")


@receiver(pre_save, sender=Entry)
@receiver(pre_save, sender=Change)
@receiver(pre_save, sender=State)
def _refuse_raw(sender: type[models.Model], raw: bool = False, **kwargs: object) -> None:
    """``loaddata`` saves past save(); it is refused here."""
    if raw:
        _refuse("loaddata", "storage.write() or storage.commit()")(sender)
